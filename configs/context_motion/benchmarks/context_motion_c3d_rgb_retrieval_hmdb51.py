# Retrieval on HMDB51 by the V-network alone, for checkpoints without I- or M-network: Tables 1 and 4.
_base_ = [
    '../../_base_/models/context_motion_c3d.py',
    '../../_base_/datasets/hmdb51_context_motion_retrieval.py',
    '../../_base_/downstream_runtime.py',
]

# A head of this method without a network of its own; a test asks none.
objective = dict(_delete_=True, type='MotionRegression', target_size=(8, 14, 14))
model = dict(
    backbones=dict(iframe=None, motion=None),
    context_head=None,
    motion_head=dict(objective=objective),
    # 'vcop' searches clip by clip; 'clean' averages the clips itself.
    average_clips=False,
)
val_dataloader = test_dataloader = dict(dataset=dict(streams=('rgb',)))
test_evaluator = [
    dict(_base_.test_evaluator, streams=('rgb',), preset=preset) for preset in ('clean', 'vcop')
]
val_evaluator = test_evaluator
