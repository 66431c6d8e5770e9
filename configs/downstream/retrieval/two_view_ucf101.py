# Retrieval on UCF101 split 1 by RGB, motion and both, under every protocol of the literature at once.
_base_ = [
    '../../_base_/models/mvcgc_s3d.py',
    '../../_base_/datasets/ucf101_retrieval.py',
    '../../_base_/default_runtime.py',
]

# 'vcop' searches clip by clip; 'clean' and 'coclr' average the clips themselves.
model = dict(average_clips=False)
test_evaluator = [
    dict(
        type='VideoRetrieval',
        preset=preset,
        topk=(1, 5, 10, 20, 50),
        streams=('rgb', 'motion', 'both'),
    )
    for preset in ('clean', 'coclr', 'vcop')
]
val_evaluator = test_evaluator
