# MSCL on Kinetics-400 with R3D-18 as its released code trains it.
_base_ = [
    '../_base_/models/mscl_r3d18_released.py',
    '../_base_/datasets/kinetics400_mscl_released.py',
    '../_base_/schedules/mscl.py',
    '../_base_/default_runtime.py',
]

max_epochs = 400
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=max_epochs, by_epoch=True, convert_to_iter_based=True)
]

optim_wrapper = dict(optimizer=dict(lr=0.02), clip_grad=dict(max_norm=40, norm_type=2))

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
