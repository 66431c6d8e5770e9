# R(2+1)D-26 in the place of C3D.
_base_ = '../c3d/rgb_hmdb51_scratch.py'

model = dict(
    backbone=dict(_delete_=True, type='VideoResNet', arch='r2plus1d', depth=26),
    cls_head=dict(in_channels=2048),
)
