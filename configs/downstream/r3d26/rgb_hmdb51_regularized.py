# R3D-26 in the place of R(2+1)D-26.
_base_ = '../r2plus1d26/rgb_hmdb51_regularized.py'

model = dict(backbone=dict(arch='r3d'))
