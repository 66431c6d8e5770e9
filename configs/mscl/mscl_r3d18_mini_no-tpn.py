# Table 2: as mscl_r3d18_mini_inter-local, local features of conv3 in the place of the pyramid.
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/kinetics400_mini_mscl.py',
    '../_base_/schedules/mscl_mini.py',
    '../_base_/default_runtime.py',
]

model = dict(
    neck=dict(_delete_=True, type='FrameProjection', in_channels=128, out_channels=128),
    flow_augment=None,
)
