# The demo with motion prediction alone.
_base_ = './demo.py'

model = dict(backbone_iframe=None, context_head=None, motion_head=dict(loss_weight=1.0))
train_pipeline = _base_.train_pipeline
train_pipeline[1].iframe_window = None
train_pipeline[2].streams = ('rgb', 'motion')
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_evaluator = dict(streams=('rgb', 'motion'))
val_evaluator = test_evaluator
