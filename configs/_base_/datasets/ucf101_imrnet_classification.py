# Classification on UCF101 split 1 as in IMRNet: clips of 5 groups of 12 pictures, crops of 224 px; three
# crops along the longer side at test.
data_root = '{{$SSVRL_DATA:data}}/ucf101'

open_video = dict(type='OpenCompressedVideo')
sample = dict(type='SampleGOPs', num_gops=5, gop_size=12, positions=(2, 4, 6, 8, 10))
decode = dict(type='DecodeCompressedVideo')
pack = dict(type='PackSSLInputs')

train_pipeline = [
    open_video,
    sample,
    # Shares of the shorter side: 250, 230 and 218 of 256 px.
    dict(type='ClipMultiScaleCrop', size=224, scales=(0.975, 0.9, 0.85)),
    dict(type='ClipFlip', flip_ratio=0.5),
    decode,
    pack,
]
# The probabilities of all clips and crops of a video are averaged.
test_protocols = {
    name: [
        open_video,
        dict(sample, test_mode=True, num_clips=num_clips),
        dict(type='ClipResize', short_side=256),
        dict(type=crop, size=224),
        decode,
        pack,
    ]
    for name, num_clips, crop in (
        ('one_clip', 1, 'ClipCenterCrop'),
        ('three_crops', 1, 'ClipThreeCrop'),
        # Each of them three times.
        ('ten_clips', 10, 'ClipThreeCrop'),
    )
}
val_pipeline = test_protocols['one_clip']
test_pipeline = test_protocols['{{$SSVRL_TEST_PROTOCOL:three_crops}}']

train_dataloader = dict(
    # 100 in all on 4 GPUs.
    batch_size=25,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CompressedVideoDataset',
        data_root=data_root,
        ann_file='train_list.txt',
        data_prefix=dict(video='videos'),
        streams=('iframe', 'motion', 'residual'),
        reader_options=dict(motion='codec', iframe_motion='hold', accumulate=False),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CompressedVideoDataset',
        data_root=data_root,
        ann_file='test_list.txt',
        data_prefix=dict(video='videos'),
        streams=('iframe', 'motion', 'residual'),
        reader_options=dict(motion='codec', iframe_motion='hold', accumulate=False),
        pipeline=val_pipeline,
        test_mode=True,
    ),
)
test_dataloader = dict(
    val_dataloader, dataset=dict(val_dataloader['dataset'], pipeline=test_pipeline)
)
val_evaluator = dict(type='VideoClassification', topk=(1, 5))
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
