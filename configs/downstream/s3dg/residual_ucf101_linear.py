# S3D-G in the place of S3D.
_base_ = '../s3d/residual_ucf101_linear.py'

pretrained = dict(checkpoint='work_dirs/s3dg_ucf101/epoch_500.pth')
model = dict(backbone=dict(gating=True, init_cfg=pretrained))
