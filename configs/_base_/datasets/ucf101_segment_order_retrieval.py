# Nearest-neighbour retrieval on UCF101 split 1 as in VCOP: 10 uniform clips of 16 consecutive frames per video, each of
# them an entry of its own; centre crop of 112 px, cosine. A config says model = dict(average_clips=False).
retrieval_root = '{{$SSVRL_DATA:data}}/ucf101'

test_pipeline = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleClips', clip_len=16, num_clips=10, test_mode=True),
    dict(type='ClipResize', size=(128, 171)),
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
        streams=('rgb',),
        pipeline=test_pipeline,
    ),
)
# The text of VCOP and that of segment order. VCOP's code averages the 10 clips ('clean') of a larger feature: the map of
# the last layer, pooled to 2 x 3 x 3 places by their maximum, 9,216 values.
test_evaluator = dict(type='VideoRetrieval', topk=(1, 5, 10, 20, 50), preset='vcop')
test_cfg = dict(type='TestLoop')

val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict(type='ValLoop')
