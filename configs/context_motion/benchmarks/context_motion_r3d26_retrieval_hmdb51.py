# Retrieval on HMDB51 by the V-, I- and M-network, under every protocol of the literature at once.
_base_ = [
    '../../_base_/models/context_motion_r3d26.py',
    '../../_base_/datasets/hmdb51_context_motion_retrieval.py',
    '../../_base_/downstream_runtime.py',
]

# 'vcop' searches clip by clip; 'clean' and 'coclr' average the clips themselves.
model = dict(average_clips=False)
test_evaluator = [
    dict(_base_.test_evaluator, preset=preset) for preset in ('clean', 'coclr', 'vcop')
]
val_evaluator = test_evaluator
