# The demo with motion prediction alone.
_base_ = './context_motion_demo.py'

train_dataloader = val_dataloader = test_dataloader = dict(dataset=dict(streams=('rgb', 'motion')))
model = dict(backbones=dict(iframe=None), context_head=None, motion_head=dict(loss_weight=1.0))
test_evaluator = val_evaluator = dict(streams=('rgb', 'motion'))
