# Classification on UCF101 split 1: one clip of 32 frames per training video; RGB, unless a config names
# other streams.
data_root = '{{$SSVRL_DATA:data}}/ucf101'

open_video = dict(type='OpenCompressedVideo')
decode = dict(type='DecodeCompressedVideo')
pack = dict(type='PackSSLInputs')

train_pipeline = [
    open_video,
    dict(type='SampleClips', clip_len=32, num_clips=1),
    dict(type='ClipRandomResizedCrop', size=128, area_range=(0.2, 1.0)),
    dict(type='ClipFlip', flip_ratio=0.5),
    decode,
    pack,
]
# How the papers test; the probabilities of all clips and crops of a video are averaged.
test_protocols = {
    name: [
        open_video,
        dict(type='SampleClips', clip_len=32, test_mode=True, **clips),
        dict(type='ClipResize', short_side=144),
        dict(type=crop, size=128),
        decode,
        pack,
    ]
    for name, clips, crop in (
        ('one_clip', dict(num_clips=1), 'ClipCenterCrop'),
        ('ten_clips', dict(num_clips=10), 'ClipCenterCrop'),
        ('three_crops', dict(num_clips=1), 'ClipThreeCrop'),
        # A window that moves by half its length.
        ('ten_crops', dict(stride=16), 'ClipTenCrop'),
    )
}
val_pipeline = test_protocols['one_clip']
test_pipeline = test_protocols['{{$SSVRL_TEST_PROTOCOL:ten_crops}}']

train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CompressedVideoDataset',
        data_root=data_root,
        ann_file='train_list.txt',
        data_prefix=dict(video='videos'),
        streams=('rgb',),
        reader_options=dict(motion='codec', iframe_motion='hold'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    # The number of clips may differ from video to video.
    batch_size=1,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CompressedVideoDataset',
        data_root=data_root,
        ann_file='test_list.txt',
        data_prefix=dict(video='videos'),
        streams=('rgb',),
        reader_options=dict(motion='codec', iframe_motion='hold'),
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
