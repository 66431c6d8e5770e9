# Table 1: L_RGB and L_Flow alone.
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/kinetics400_mini_mscl.py',
    '../_base_/schedules/mscl_mini.py',
    '../_base_/default_runtime.py',
]

model = dict(
    neck=None,
    flow_augment=None,
    head=dict(local=None, weights=dict(inter=0)),
)
