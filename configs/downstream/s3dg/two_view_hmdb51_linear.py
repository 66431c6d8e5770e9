# S3D-G in the place of S3D.
_base_ = '../s3d/two_view_hmdb51_linear.py'

pretrained = dict(checkpoint='work_dirs/s3dg_ucf101/epoch_500.pth')
gated = dict(backbone=dict(gating=True, init_cfg=pretrained))
model = dict(classifiers=dict(rgb=gated, motion=gated))
