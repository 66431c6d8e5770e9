# Classification on Something-Something V2 as the released code of MSCL has it, tested on its validation videos:
# one clip of a frame of each of 16 parts of the video, crops of 112 px in training, of 128 in tests. A config says
# that there are 174 classes.
data_root = '{{$SSVRL_DATA:data}}/sthv2'

open_video = dict(type='OpenCompressedVideo')
decode = dict(type='DecodeCompressedVideo')
pack = dict(type='PackSSLInputs')

# No flip: mirrored, many a video would show another class.
train_pipeline = [
    open_video,
    dict(type='SampleSparseClips', clip_len=16),
    dict(type='ClipRandomResizedCrop', size=112, area_range=(0.08, 1.0)),
    decode,
    pack,
]
test_protocols = {
    name: [
        open_video,
        dict(type='SampleSparseClips', clip_len=clip_len, test_mode=True),
        dict(type='ClipResize', short_side=128),
        dict(type='ClipCenterCrop', size=128),
        decode,
        pack,
    ]
    # The code validates by 16, which is what the paper names, and tests by 8.
    for name, clip_len in (('sixteen_frames', 16), ('eight_frames', 8))
}
val_pipeline = test_protocols['sixteen_frames']
test_pipeline = test_protocols['{{$SSVRL_TEST_PROTOCOL:sixteen_frames}}']

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
        reader_options=dict(motion='auto'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CompressedVideoDataset',
        data_root=data_root,
        ann_file='val_list.txt',
        data_prefix=dict(video='videos'),
        streams=('rgb',),
        reader_options=dict(motion='auto'),
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
