# Classification on UCF101 split 1 as in MSCL, which refers to CoCLR: one clip per training video, tested by a
# window that moves by half its length, in ten crops. 16 frames, a clip of which shows as much time as one of the
# 8 that UCF101 is pretrained by; `eight_frames` has the pipelines of these. RGB of 112 px.
data_root = '{{$SSVRL_DATA:data}}/ucf101'

open_video = dict(type='OpenCompressedVideo')
decode = dict(type='DecodeCompressedVideo')
pack = dict(type='PackSSLInputs')

frames_of_clips = dict(
    eight_frames=dict(clip_len=8, frame_interval=8),
    sixteen_frames=dict(clip_len=16, frame_interval=4),
)
# How papers test; the probabilities of all clips and crops of a video are averaged.
clips_and_crop = dict(
    one_clip=(dict(num_clips=1), 'ClipCenterCrop'),
    ten_clips=(dict(num_clips=10), 'ClipCenterCrop'),
    three_crops=(dict(num_clips=1), 'ClipThreeCrop'),
    # A window that moves by half its length.
    ten_crops=(dict(stride=32), 'ClipTenCrop'),
)
eight_frames, sixteen_frames = (
    dict(
        train=[
            open_video,
            dict(type='SampleClips', num_clips=1, **frames),
            dict(type='ClipRandomResizedCrop', size=112, area_range=(0.2, 1.0)),
            dict(type='ClipFlip', flip_ratio=0.5),
            decode,
            pack,
        ],
        **{
            split: [
                open_video,
                dict(type='SampleClips', test_mode=True, **frames, **clips),
                # The crop is 7/8 of the shorter side.
                dict(type='ClipResize', short_side=128),
                dict(type=crop, size=112),
                decode,
                pack,
            ]
            for split, (clips, crop) in (
                ('val', clips_and_crop['one_clip']),
                ('test', clips_and_crop['{{$SSVRL_TEST_PROTOCOL:ten_crops}}']),
            )
        },
    )
    for frames in frames_of_clips.values()
)
del frames_of_clips, clips_and_crop

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
        pipeline=sixteen_frames['train'],
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
        pipeline=sixteen_frames['val'],
        test_mode=True,
    ),
)
test_dataloader = dict(
    val_dataloader, dataset=dict(val_dataloader['dataset'], pipeline=sixteen_frames['test'])
)
val_evaluator = dict(type='VideoClassification', topk=(1, 5))
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
