# MSCL in the model zoo: an R3D-10 with half of the channels on RGB, on MotionPrimitives.
_base_ = './mscl_demo.py'

spec = dict(num_frames=72, pace=0.75, codecs='mixed', seed=0)
train_dataloader = dict(dataset=dict(spec=spec))
test_dataloader = dict(dataset=dict(spec=spec))
val_dataloader = test_dataloader

model = dict(
    # The network of motion vectors stays at a quarter: what fits into 8 MB.
    backbones=dict(rgb=dict(width=0.5)),
    neck=dict(in_channels=(64, 128, 256)),
    head=dict(projector=dict(rgb=dict(in_channels=256))),
    # Retrieval needs neither neck nor head.
    answers_pretext=False,
)

test_evaluator = [_base_.test_evaluator[0]]
val_evaluator = test_evaluator

max_epochs = 50
# Over as many epochs as there are; one validation, at the end.
train_cfg = dict(max_epochs=max_epochs, val_begin=1, val_interval=1000)
param_scheduler = [dict(type='CosineAnnealingLR', convert_to_iter_based=True)]
default_hooks = dict(checkpoint=dict(interval=5))
