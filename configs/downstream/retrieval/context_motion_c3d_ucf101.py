# Retrieval on UCF101 split 1 by the V-, I- and M-network of Context-Motion Decoupling (Table 5): test with
# the checkpoint of configs/context_motion/c3d_ucf101.py.
_base_ = [
    '../../_base_/models/context_motion_c3d.py',
    '../../_base_/datasets/ucf101_context_motion_retrieval.py',
    '../../_base_/default_runtime.py',
]

# 'vcop' searches clip by clip; 'clean' and 'coclr' average the clips themselves.
model = dict(average_clips=False)
test_evaluator = [
    dict(_base_.test_evaluator, preset=preset) for preset in ('clean', 'coclr', 'vcop')
]
val_evaluator = test_evaluator
