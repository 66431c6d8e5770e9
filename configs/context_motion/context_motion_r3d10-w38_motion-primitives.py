# Context-Motion Decoupling in the model zoo: an R3D-10 with three eighths of the channels as V-network on MotionPrimitives.
# Scenes say nothing about its classes, so that motion prediction weighs most.
_base_ = './context_motion_demo.py'

spec = dict(num_frames=36, pace=1.0, codecs='mixed', seed=0)
train_dataloader = dict(dataset=dict(spec=spec))
test_dataloader = dict(dataset=dict(spec=spec))
val_dataloader = test_dataloader

model = dict(
    # With I- and M-network of a quarter of the channels: what fits into 8 MB.
    backbones=dict(rgb=dict(width=0.375)),
    context_head=dict(in_channels=192, loss_weight=0.1),
    motion_head=dict(predictor=dict(in_channels=192), loss_weight=0.9),
)

max_epochs = 60
# Over as many epochs as there are; one validation, at the end.
train_cfg = dict(max_epochs=max_epochs, val_begin=1, val_interval=1000)
param_scheduler = [dict(type='CosineAnnealingLR', convert_to_iter_based=True)]
default_hooks = dict(checkpoint=dict(interval=5))
