# R3D-26 in the place of R(2+1)D-26.
_base_ = '../r2plus1d26/two_view_hmdb51_finetune.py'

pretrained = dict(checkpoint='work_dirs/r3d26_ucf101/epoch_120.pth')
rgb = dict(backbone=dict(arch='r3d', init_cfg=pretrained))
model = dict(classifiers=dict(rgb=rgb, motion=dict(backbone=dict(init_cfg=pretrained))))
