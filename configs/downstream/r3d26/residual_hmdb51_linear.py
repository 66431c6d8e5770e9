# R3D-26 in the place of C3D.
_base_ = '../c3d/residual_hmdb51_linear.py'

pretrained = dict(_base_.model.backbone.init_cfg, checkpoint='work_dirs/r3d26_ucf101/epoch_120.pth')
model = dict(
    backbone=dict(_delete_=True, type='VideoResNet', arch='r3d', depth=26, init_cfg=pretrained),
    cls_head=dict(in_channels=2048),
)
