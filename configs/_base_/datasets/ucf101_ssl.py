# Two clips of 32 consecutive frames per video of UCF101, each with its own crop and flip; RGB and
# motion straight from the video file. Colours are augmented on the GPU (data_preprocessor).
data_root = '{{$SSVRL_DATA:data}}/ucf101'

train_pipeline = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleClips', clip_len=32, num_clips=2),
    dict(type='ClipRandomResizedCrop', size=128, area_range=(0.2, 1.0)),
    dict(type='ClipFlip', flip_ratio=0.5),
    dict(type='DecodeCompressedVideo'),
    dict(type='PackSSLInputs'),
]
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
        # Clips of one recording, class and group, are no negatives; after the letter of MVCGC: False.
        group=r'v_(\w+_g\d+)_c\d+',
        streams=('rgb', 'motion'),
        reader_options=dict(motion='codec', iframe_motion='hold'),
        pipeline=train_pipeline,
    ),
)
