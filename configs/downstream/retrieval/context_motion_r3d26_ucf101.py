# R3D-26 in the place of R(2+1)D-26.
_base_ = './context_motion_r2plus1d26_ucf101.py'

model = dict(backbone_rgb=dict(arch='r3d'))
