# Retrieval on UCF101 split 1: 10 clips of 5 groups of 12 pictures per video, centre crop, mean feature,
# cosine; by all streams together and by each.
retrieval_root = '{{$SSVRL_DATA:data}}/ucf101'

test_pipeline = [
    dict(type='OpenCompressedVideo'),
    dict(
        type='SampleGOPs',
        num_gops=5,
        gop_size=12,
        positions=(2, 4, 6, 8, 10),
        num_clips=10,
        test_mode=True,
    ),
    dict(type='ClipResize', short_side=256),
    dict(type='ClipCenterCrop', size=224),
    dict(type='DecodeCompressedVideo'),
    dict(type='PackSSLInputs'),
]
test_dataloader = dict(
    batch_size=8,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='RetrievalDataset',
        data_root=retrieval_root,
        data_prefix=dict(video='videos'),
        gallery=dict(ann_file='train_list.txt'),
        query=dict(ann_file='test_list.txt'),
        streams=('iframe', 'motion', 'residual'),
        reader_options=dict(motion='codec', iframe_motion='hold', accumulate=False),
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='VideoRetrieval', topk=(1, 5, 10, 20, 50))
test_cfg = dict(type='TestLoop')

val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict(type='ValLoop')
