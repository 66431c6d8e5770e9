# MSCL on Kinetics-400 with R3D-18, flow by RAFT, 400 epochs.
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/kinetics400_mscl.py',
    '../_base_/schedules/mscl.py',
    '../_base_/default_runtime.py',
]

max_epochs = 400
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=max_epochs, by_epoch=True, convert_to_iter_based=True)
]

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
