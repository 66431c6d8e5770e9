# Classification on UCF101 split 1 as in VCOP and segment order: clips of 16 consecutive frames, crops of 112 px; ten
# uniform clips at test. Of the 9,537 training videos 800 are held out, by which the epoch can be chosen.
# `clips_32x112` and the like have the pipelines of longer and larger clips, frames x px.
data_root = '{{$SSVRL_DATA:data}}/ucf101'

open_video = dict(type='OpenCompressedVideo')
flip = dict(type='ClipFlip', flip_ratio=0.5)
decode = dict(type='DecodeCompressedVideo')
pack = dict(type='PackSSLInputs')

# How is tested; the probabilities of all clips and crops of a video are averaged. The crop, and the clips: their number,
# or how much of a clip a window moves by.
test_crop, test_clips, test_stride = dict(
    one_clip=('ClipCenterCrop', 1, None),
    ten_clips=('ClipCenterCrop', 10, None),
    three_crops=('ClipThreeCrop', 1, None),
    ten_crops=('ClipTenCrop', 1, 0.5),
)['{{$SSVRL_TEST_PROTOCOL:ten_clips}}']

clips_16x112, clips_32x112, clips_64x112, clips_16x152, clips_16x224, clips_64x152 = (
    dict(
        train=[
            open_video,
            dict(type='SampleClips', clip_len=clip_len, num_clips=1),
            dict(type='ClipResize', size=cut_from),
            dict(type='ClipRandomCrop', size=size),
            flip,
            decode,
            pack,
        ],
        **{
            split: [
                open_video,
                dict(type='SampleClips', clip_len=clip_len, test_mode=True, **clips),
                dict(type='ClipResize', size=cut_from),
                dict(type=crop, size=size),
                decode,
                pack,
            ]
            for split, crop, clips in (
                ('val', 'ClipCenterCrop', dict(num_clips=1)),
                (
                    'test',
                    test_crop,
                    dict(stride=int(test_stride * clip_len))
                    if test_stride
                    else dict(num_clips=test_clips),
                ),
            )
        },
    )
    for clip_len, size, cut_from in (
        (16, 112, (128, 171)),
        (32, 112, (128, 171)),
        (64, 112, (128, 171)),
        (16, 152, (174, 232)),
        (16, 224, (256, 342)),
        (64, 152, (174, 232)),
    )
)
# VCOP does not flip.
train_pipeline_without_flip = [step for step in clips_16x112['train'] if step is not flip]
del test_crop, test_clips, test_stride

train_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='HoldOutDataset',
        held_out=False,
        share=800 / 9537,
        data_root=data_root,
        ann_file='train_list.txt',
        data_prefix=dict(video='videos'),
        streams=('rgb',),
        pipeline=clips_16x112['train'],
    ),
)
val_dataloader = dict(
    # The number of clips may differ from video to video.
    batch_size=1,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        train_dataloader['dataset'],
        held_out=True,
        pipeline=clips_16x112['val'],
        test_mode=True,
    ),
)
test_dataloader = dict(
    val_dataloader,
    dataset=dict(
        type='CompressedVideoDataset',
        data_root=data_root,
        ann_file='test_list.txt',
        data_prefix=dict(video='videos'),
        streams=('rgb',),
        pipeline=clips_16x112['test'],
        test_mode=True,
    ),
)
val_evaluator = dict(type='VideoClassification', topk=(1, 5))
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
