# Three clips of 16 frames per video of UCF101 with 8 frames between them, shuffled, each with its own crop of 112 px;
# neither flips nor other colours. Videos of less than 64 frames are left out. The authors' code holds another 800
# videos out, to choose the epoch by.
data_root = '{{$SSVRL_DATA:data}}/ucf101'

open_video = dict(type='OpenCompressedVideo')
sample = dict(type='SampleClipTuples', clip_len=16, num_clips=3, gap=8)
resize = dict(type='ClipResize', size=(128, 171))
decode = dict(type='DecodeCompressedVideo')
pack = dict(type='PackSSLInputs', extra_keys=('clip_order',))
train_pipeline = [
    open_video,
    sample,
    resize,
    dict(type='ClipRandomCrop', size=112),
    decode,
    pack,
]

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
        pipeline=train_pipeline,
    ),
)
