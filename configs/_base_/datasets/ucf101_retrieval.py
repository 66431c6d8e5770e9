# Nearest-neighbour retrieval on UCF101 split 1: test videos look for training videos of their
# class. 10 uniform clips per video, centre crop, mean feature, cosine.
retrieval_root = '{{$SSVRL_DATA:data}}/ucf101'

test_pipeline = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleClips', clip_len=32, num_clips=10, test_mode=True),
    dict(type='ClipResize', short_side=144),
    dict(type='ClipCenterCrop', size=128),
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
        streams=('rgb', 'motion'),
        reader_options=dict(motion='codec', iframe_motion='hold'),
        pipeline=test_pipeline,
    ),
)
# By every stream of the model, and by RGB and motion together.
test_evaluator = dict(type='VideoRetrieval', topk=(1, 5, 10, 20, 50))
test_cfg = dict(type='TestLoop')

val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict(type='ValLoop')
