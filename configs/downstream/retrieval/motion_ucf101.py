# Retrieval on UCF101 split 1 by motion alone; the checkpoint may hold the other stream too.
_base_ = [
    '../../_base_/models/moco_s3d.py',
    '../../_base_/datasets/ucf101_retrieval.py',
    '../../_base_/default_runtime.py',
]

# 'vcop' searches clip by clip; 'clean' and 'coclr' average the clips themselves.
model = dict(backbone=dict(in_channels=2), head=dict(stream='motion'), average_clips=False)
test_evaluator = [
    dict(type='VideoRetrieval', preset=preset, topk=(1, 5, 10, 20, 50), streams=('motion',))
    for preset in ('clean', 'coclr', 'vcop')
]
val_evaluator = test_evaluator

test_pipeline = _base_.test_pipeline
test_pipeline[2].streams = ('motion',)
gallery = dict(_base_.gallery, pipeline=test_pipeline)
query = dict(_base_.query, pipeline=test_pipeline)
test_dataloader = dict(dataset=dict(datasets=[gallery, query]))
val_dataloader = test_dataloader
