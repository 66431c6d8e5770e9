# Retrieval on HMDB51 by the V-, I- and M-network, under both protocols on uniform clips at once.
_base_ = [
    '../../_base_/models/context_motion_r2plus1d26.py',
    '../../_base_/datasets/hmdb51_context_motion_retrieval.py',
    '../../_base_/downstream_runtime.py',
]

# 'vcop' searches clip by clip; 'clean' averages the clips itself.
model = dict(average_clips=False)
test_evaluator = [dict(_base_.test_evaluator, preset=preset) for preset in ('clean', 'vcop')]
val_evaluator = test_evaluator
