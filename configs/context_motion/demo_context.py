# The demo with context matching alone.
_base_ = './demo.py'

model = dict(backbone_motion=None, motion_head=None, context_head=dict(loss_weight=1.0))
train_pipeline = _base_.train_pipeline
train_pipeline[1].num_negatives = 0
train_pipeline[2].streams = ('rgb', 'iframe')
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_evaluator = dict(streams=('rgb', 'iframe'))
val_evaluator = test_evaluator
