# Retrieval on UCF101 by RGB, motion and both, under both protocols on uniform clips at once.
_base_ = [
    '../../_base_/models/mvcgc_s3d.py',
    '../../_base_/datasets/ucf101_retrieval.py',
    '../../_base_/downstream_runtime.py',
]

# 'vcop' searches clip by clip; 'clean' averages the clips itself.
model = dict(average_clips=False)
test_evaluator = [dict(_base_.test_evaluator, preset=preset) for preset in ('clean', 'vcop')]
val_evaluator = test_evaluator
