# Two clips of 16 frames per video of UCF101, each of 3 segments with lengths and frame rates of their own, shuffled:
# query and key. Crops of 112 px; colours are augmented on the GPU (data_preprocessor).
data_root = '{{$SSVRL_DATA:data}}/ucf101'

open_video = dict(type='OpenCompressedVideo')
sample = dict(
    type='SampleShuffledSegments',
    clip_len=16,
    num_segments=3,
    max_rate=8,
    min_length=3,
    gap='next',
    num_clips=2,
)
resize = dict(type='ClipResize', size=(128, 171))
random_crop = dict(type='ClipRandomCrop', size=112)
flip = dict(type='ClipFlip', flip_ratio=0.5)
decode = dict(type='DecodeCompressedVideo')
pack = dict(type='PackSSLInputs', extra_keys=('segment_order', 'segment_lengths', 'sampling_rates'))
train_pipeline = [open_video, sample, resize, random_crop, flip, decode, pack]
# Rows without contrast take one clip.
one_clip_pipeline = [
    open_video,
    dict(sample, num_clips=1),
    resize,
    random_crop,
    flip,
    decode,
    pack,
]
# Longer and larger clips, frames x px.
clips_32x112, clips_64x112, clips_16x152, clips_16x224, clips_64x152 = (
    [
        open_video,
        dict(sample, clip_len=clip_len),
        dict(type='ClipResize', size=cut_from),
        dict(type='ClipRandomCrop', size=size),
        flip,
        decode,
        pack,
    ]
    for clip_len, size, cut_from in (
        (32, 112, (128, 171)),
        (64, 112, (128, 171)),
        (16, 152, (174, 232)),
        (16, 224, (256, 342)),
        (64, 152, (174, 232)),
    )
)
# For a test that asks for order and rates of a video besides looking for others like it: a shuffled clip, and 10 of
# consecutive frames.
pretext_pipeline = [
    open_video,
    dict(sample, num_clips=1, num_ordered=10, test_mode=True),
    resize,
    dict(type='ClipCenterCrop', size=112),
    decode,
    pack,
]

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
        # Clips of one recording, class and group, are no negatives; after the letter of the paper: False.
        group=r'v_(\w+_g\d+)_c\d+',
        streams=('rgb',),
        pipeline=train_pipeline,
    ),
)
