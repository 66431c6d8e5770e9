# Table 2: as mscl_r3d18_mini_no-tpn, flow by a 3D network that pads time by reflection.
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/kinetics400_mini_mscl.py',
    '../_base_/schedules/mscl_mini.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbones=dict(
        flow=dict(arch='r3d', temporal_strides=(1, 1, 2, 1, 1), temporal_padding='reflect')
    ),
    neck=dict(_delete_=True, type='FrameProjection', in_channels=128, out_channels=128),
    flow_augment=None,
)
