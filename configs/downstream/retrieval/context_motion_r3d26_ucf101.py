# R3D-26 in the place of C3D.
_base_ = './context_motion_c3d_ucf101.py'

model = dict(
    backbone_rgb=dict(_delete_=True, type='VideoResNet', arch='r3d', depth=26),
    context_head=dict(in_channels=2048),
    motion_head=dict(predictor=dict(in_channels=2048)),
)
