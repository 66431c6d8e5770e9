# R3D-26 in the place of C3D.
_base_ = '../c3d/rgb_ucf101_scratch.py'

model = dict(
    backbone=dict(_delete_=True, type='VideoResNet', arch='r3d', depth=26),
    cls_head=dict(in_channels=2048),
)
