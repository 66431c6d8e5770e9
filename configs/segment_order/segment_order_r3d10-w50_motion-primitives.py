# Segment order in the model zoo: an R3D-10 with half of the channels on MotionPrimitives, without synthesised views, whose
# generator would be a training of its own.
_base_ = './segment_order_demo.py'

spec = dict(num_frames=72, pace=0.75, codecs='mixed', seed=0)
train_dataloader = dict(dataset=dict(spec=spec))
test_dataloader = dict(dataset=dict(spec=spec))
val_dataloader = test_dataloader

model = dict(
    backbones=dict(rgb=dict(width=0.5)),
    order=dict(in_channels=256),
    rate=dict(in_channels=256),
    head=dict(projector=dict(in_channels=256)),
    view_generator=None,
)

max_epochs = 60
# Over as many epochs as there are; one validation, at the end.
train_cfg = dict(max_epochs=max_epochs, val_begin=1, val_interval=1000)
param_scheduler = [dict(type='CosineAnnealingLR', convert_to_iter_based=True)]
default_hooks = dict(checkpoint=dict(interval=5))
