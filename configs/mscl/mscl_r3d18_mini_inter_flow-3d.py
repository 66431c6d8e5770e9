# Table 1: L_RGB, L_Flow and L_RF, flow by a 3D network.
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/kinetics400_mini_mscl.py',
    '../_base_/schedules/mscl_mini.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbones=dict(flow=dict(arch='r3d')),
    neck=None,
    flow_augment=None,
    head=dict(local=None),
)
