# The clips of ucf101_segment_order.py, one of each video, for the training of views; and of the test list, to see how
# views differ from their clips.
_base_ = './ucf101_segment_order.py'

sample = dict(_base_.sample, num_clips=1)
train_pipeline = [
    _base_.open_video,
    sample,
    _base_.resize,
    _base_.random_crop,
    _base_.flip,
    _base_.decode,
    _base_.pack,
]
test_pipeline = [
    _base_.open_video,
    dict(sample, test_mode=True),
    _base_.resize,
    dict(type='ClipCenterCrop', size=112),
    _base_.decode,
    _base_.pack,
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CompressedVideoDataset',
        data_root=_base_.data_root,
        ann_file='test_list.txt',
        data_prefix=dict(video='videos'),
        streams=('rgb',),
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='ViewQuality')
test_cfg = dict(type='TestLoop')
val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict(type='ValLoop')
