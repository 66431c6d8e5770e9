# Context-Motion Decoupling with R3D-26 as V-network.
_base_ = './context_motion_c3d.py'

model = dict(
    backbones=dict(rgb=dict(_delete_=True, type='VideoResNet', arch='r3d', depth=26)),
    context_head=dict(in_channels=2048),
    motion_head=dict(predictor=dict(in_channels=2048)),
)
