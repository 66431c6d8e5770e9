# Classification on UCF101 split 1 as in Context-Motion Decoupling: clips of 16 frames with stride 4,
# 112 x 112; ten uniform clips at test.
_base_ = './ucf101_classification.py'

sample = dict(type='SampleClips', clip_len=16, frame_interval=4)
resize = dict(type='ClipResize', short_side=128)
train_pipeline = [
    _base_.open_video,
    dict(sample, num_clips=1),
    _base_.decode,
    dict(type='ClipRandomResizedCrop', size=112, area_range=(0.2, 1.0)),
    dict(type='ClipFlip', flip_ratio=0.5),
    _base_.pack,
]
test_protocols = {
    name: [
        _base_.open_video,
        dict(sample, test_mode=True, **clips),
        _base_.decode,
        resize,
        dict(type=crop, size=112),
        _base_.pack,
    ]
    for name, clips, crop in (
        ('one_clip', dict(num_clips=1), 'ClipCenterCrop'),
        ('ten_clips', dict(num_clips=10), 'ClipCenterCrop'),
        ('three_crops', dict(num_clips=1), 'ClipThreeCrop'),
        # A window that moves by half its length.
        ('ten_crops', dict(stride=32), 'ClipTenCrop'),
    )
}
val_pipeline = test_protocols['one_clip']
test_pipeline = test_protocols['{{$SSVRL_TEST_PROTOCOL:ten_clips}}']

train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
