# A clip of 16 frames with stride 4 per video of UCF101, an I-frame near it, the motion of the 8 frames
# that follow it and of 8 frames at three other places.
data_root = '{{$SSVRL_DATA:data}}/ucf101'

open_video = dict(type='OpenCompressedVideo')
sample = dict(
    type='SampleContextMotion',
    clip_len=16,
    frame_interval=4,
    motion_len=8,
    motion_gap=2,
    num_negatives=3,
    iframe_window=5,
)
decode = dict(type='DecodeCompressedVideo')
# The clip and the motion that follows it share crop and flip; all else has its own.
crop = dict(type='ClipRandomResizedCrop', size=112, area_range=(0.2, 1.0))
flip = dict(type='ClipFlip', flip_ratio=0.5)
pack = dict(type='PackSSLInputs')
train_pipeline = [open_video, sample, crop, flip, decode, pack]

train_dataloader = dict(
    batch_size=16,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CompressedVideoDataset',
        data_root=data_root,
        ann_file='train_list.txt',
        data_prefix=dict(video='videos'),
        streams=('rgb', 'motion', 'iframe'),
        reader_options=dict(motion='codec', iframe_motion='hold'),
        pipeline=train_pipeline,
    ),
)
