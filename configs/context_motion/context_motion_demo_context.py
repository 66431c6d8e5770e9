# The demo with context matching alone.
_base_ = './context_motion_demo.py'

model = dict(backbones=dict(motion=None), motion_head=None, context_head=dict(loss_weight=1.0))
train_pipeline = [
    _base_.open_video,
    dict(_base_.sample, num_negatives=0),
    _base_.crop,
    _base_.decode,
    _base_.pack,
]
train_dataloader = dict(dataset=dict(streams=('rgb', 'iframe'), pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(streams=('rgb', 'iframe')))
test_evaluator = val_evaluator = dict(streams=('rgb', 'iframe'))
