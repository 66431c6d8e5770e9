# Table 5: as mscl_r3d18_mini_local, by the boundaries of motion.
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/kinetics400_mini_mscl.py',
    '../_base_/schedules/mscl_mini.py',
    '../_base_/default_runtime.py',
]

model = dict(
    input_transforms=dict(flow=dict(type='FlowBoundary')),
    flow_augment=None,
    head=dict(weights=dict(inter=0)),
)
