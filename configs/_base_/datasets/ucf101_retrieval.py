# Nearest-neighbour retrieval on UCF101 split 1: test videos look for training videos of their
# class. 10 uniform clips per video, centre crop, mean feature, cosine.
retrieval_root = '{{$SSVRL_DATA:data}}/ucf101'

test_pipeline = [
    dict(type='OpenCompressedVideo', motion='codec', iframe_motion='hold'),
    dict(type='SampleClips', clip_len=32, num_clips=10, test_mode=True),
    dict(type='DecodeCompressedVideo', streams=('rgb', 'motion')),
    dict(type='ClipResize', short_side=144),
    dict(type='ClipCenterCrop', size=128),
    dict(type='PackSSLInputs'),
]
gallery = dict(
    type='CompressedVideoDataset',
    data_root=retrieval_root,
    ann_file='train_list.txt',
    data_prefix=dict(video='videos'),
    role='gallery',
    test_mode=True,
    pipeline=test_pipeline,
)
query = dict(gallery, ann_file='test_list.txt', role='query')
test_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='ConcatDataset', datasets=[gallery, query]),
)
test_evaluator = dict(
    type='VideoRetrieval', topk=(1, 5, 10, 20, 50), streams=('rgb', 'motion', 'both')
)
test_cfg = dict(type='TestLoop')

val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict(type='ValLoop')
