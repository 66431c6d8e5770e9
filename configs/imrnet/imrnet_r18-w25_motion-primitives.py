# IMRNet in the model zoo: R18 with a quarter of the channels in the I pathway, on MotionPrimitives in MPEG-4.
_base_ = './imrnet_demo.py'

spec = dict(num_frames=72, pace=0.75, codecs='mpeg4-gop12', seed=0)
train_dataloader = dict(dataset=dict(spec=spec))
test_dataloader = dict(dataset=dict(spec=spec))
val_dataloader = test_dataloader

# Retrieval needs no heads.
model = dict(backbone=dict(width=0.25), answers_pretext=False)

test_evaluator = [_base_.test_evaluator[0]]
val_evaluator = test_evaluator

max_epochs = 30
# Over as many epochs as there are; one validation, at the end.
train_cfg = dict(max_epochs=max_epochs, val_begin=1, val_interval=1000)
param_scheduler = [dict(type='CosineAnnealingLR', convert_to_iter_based=True)]
default_hooks = dict(checkpoint=dict(interval=5))
