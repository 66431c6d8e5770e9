# Retrieval on UCF101 split 1 by each of the three networks: 10 uniform clips per video, the I-frame near
# each and the motion that follows it, centre crop, mean feature, cosine.
retrieval_root = '{{$SSVRL_DATA:data}}/ucf101'

test_pipeline = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleContextMotion', clip_len=16, frame_interval=4, num_clips=10, test_mode=True),
    dict(type='ClipResize', short_side=128),
    dict(type='ClipCenterCrop', size=112),
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
        streams=('rgb', 'motion', 'iframe'),
        reader_options=dict(motion='codec', iframe_motion='hold'),
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(
    type='VideoRetrieval', topk=(1, 5, 10, 20, 50), streams=('rgb', 'iframe', 'motion')
)
test_cfg = dict(type='TestLoop')

val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict(type='ValLoop')
