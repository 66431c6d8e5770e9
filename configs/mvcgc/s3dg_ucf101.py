# S3D-G, S3D with feature gating, in the place of S3D.
_base_ = './s3d_ucf101.py'

model = dict(backbone_rgb=dict(gating=True), backbone_motion=dict(gating=True))
