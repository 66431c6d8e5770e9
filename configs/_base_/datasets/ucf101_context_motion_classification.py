# Classification on UCF101 split 1 as in Context-Motion Decoupling: clips of 16 frames with stride 4,
# 112 x 112; ten uniform clips at test.
data_root = '{{$SSVRL_DATA:data}}/ucf101'

open_video = dict(type='OpenCompressedVideo')
sample = dict(type='SampleClips', clip_len=16, frame_interval=4)
decode = dict(type='DecodeCompressedVideo')
random_crop = dict(type='ClipRandomResizedCrop', size=112, area_range=(0.2, 1.0))
flip = dict(type='ClipFlip', flip_ratio=0.5)
pack = dict(type='PackSSLInputs')

train_pipeline = [open_video, dict(sample, num_clips=1), random_crop, flip, decode, pack]
# With the motion that follows each clip, for the regularisation by motion prediction.
regularized_pipeline = [
    open_video,
    dict(
        type='SampleContextMotion',
        clip_len=16,
        frame_interval=4,
        # No labelled video is left out for being short.
        min_frame_interval=1,
        motion_len=8,
        motion_gap=2,
        num_negatives=3,
        iframe_window=None,
    ),
    random_crop,
    flip,
    decode,
    dict(pack, motion_target=True),
]
# The probabilities of all clips and crops of a video are averaged.
test_protocols = {
    name: [
        open_video,
        dict(sample, test_mode=True, **clips),
        dict(type='ClipResize', short_side=128),
        dict(type=crop, size=112),
        decode,
        pack,
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

train_dataloader = dict(
    batch_size=8,
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
