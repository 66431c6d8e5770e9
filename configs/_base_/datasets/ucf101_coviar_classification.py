# Classification on UCF101 split 1 as in CoViAR: a frame of each third of a video, 224 x 224; 25 frames in ten
# crops at test. Videos are encoded anew as MPEG-4 with 11 P-frames after each I-frame, and motion vectors and
# residuals relate to the I-frame. A config says which stream it takes.
data_root = '{{$SSVRL_DATA:data}}/ucf101'

open_video = dict(type='OpenCompressedVideo')
sample = dict(type='SampleSegments', gop_size=12)
decode = dict(type='DecodeCompressedVideo')
flip = dict(type='ClipFlip', flip_ratio=0.5, per_clip=False)
pack = dict(type='PackSSLInputs')

# One crop for all frames of a video; I-frames have a smaller one besides.
train_pipeline, iframe_pipeline = (
    [
        open_video,
        dict(sample, num_segments=3),
        dict(type='ClipMultiScaleCrop', size=224, scales=scales, per_clip=False),
        flip,
        decode,
        pack,
    ]
    for scales in ((1.0, 0.875, 0.75), (1.0, 0.875, 0.75, 0.66))
)
val_pipeline, test_pipeline = (
    [
        open_video,
        dict(sample, num_segments=num_segments, test_mode=True),
        dict(type='ClipResize', short_side=256),
        dict(type=crop, size=224),
        decode,
        pack,
    ]
    for num_segments, crop in ((3, 'ClipCenterCrop'), (25, 'ClipTenCrop'))
)

videos = dict(
    type='CompressedVideoDataset',
    data_root=data_root,
    data_prefix=dict(video='gop12'),
    streams=('motion',),
    reader_options=dict(motion='codec', accumulate=True),
)
train_dataloader = dict(
    batch_size=80,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(videos, ann_file='train_list.txt', pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(videos, ann_file='test_list.txt', pipeline=val_pipeline, test_mode=True),
)
test_dataloader = dict(
    val_dataloader, dataset=dict(val_dataloader['dataset'], pipeline=test_pipeline)
)
del videos
val_evaluator = dict(type='VideoClassification', topk=(1, 5))
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
