# Classification on UCF101 split 1 as in VCOP and segment order: clips of 16 consecutive frames, crops of 112 px; ten
# uniform clips at test. Of the 9,537 training videos 800 are held out, by which the epoch can be chosen.
data_root = '{{$SSVRL_DATA:data}}/ucf101'

open_video = dict(type='OpenCompressedVideo')
sample = dict(type='SampleClips', clip_len=16)
# Crops of 152 px come from 174 x 232, of 224 px from 256 x 342.
resize = dict(type='ClipResize', size=(128, 171))
random_crop = dict(type='ClipRandomCrop', size=112)
flip = dict(type='ClipFlip', flip_ratio=0.5)
decode = dict(type='DecodeCompressedVideo')
pack = dict(type='PackSSLInputs')

# VCOP does not flip.
train_pipeline = [open_video, dict(sample, num_clips=1), resize, random_crop, flip, decode, pack]
# The probabilities of all clips and crops of a video are averaged.
test_protocols = {
    name: [
        open_video,
        dict(sample, test_mode=True, **clips),
        resize,
        dict(type=crop, size=112),
        decode,
        pack,
    ]
    for name, clips, crop in (
        ('one_clip', dict(num_clips=1), 'ClipCenterCrop'),
        ('ten_clips', dict(num_clips=10), 'ClipCenterCrop'),
        ('three_crops', dict(num_clips=1), 'ClipThreeCrop'),
        # A window that moves by half its length.
        ('ten_crops', dict(stride=8), 'ClipTenCrop'),
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
        type='HoldOutDataset',
        held_out=False,
        share=800 / 9537,
        data_root=data_root,
        ann_file='train_list.txt',
        data_prefix=dict(video='videos'),
        streams=('rgb',),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    # The number of clips may differ from video to video.
    batch_size=1,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(train_dataloader['dataset'], held_out=True, pipeline=val_pipeline, test_mode=True),
)
test_dataloader = dict(
    val_dataloader,
    dataset=dict(
        type='CompressedVideoDataset',
        data_root=data_root,
        ann_file='test_list.txt',
        data_prefix=dict(video='videos'),
        streams=('rgb',),
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
val_evaluator = dict(type='VideoClassification', topk=(1, 5))
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
