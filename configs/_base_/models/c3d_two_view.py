# Classifiers of C3D on RGB and of R3D-10 on motion, whose probabilities are averaged.
_base_ = './c3d_classifier.py'

rgb = _base_.model
init_cfg = dict(rgb.backbone.init_cfg, prefix='backbone_mv.')
motion = dict(
    rgb,
    backbone=dict(type='VideoResNet', arch='r3d', depth=10, in_channels=2, init_cfg=init_cfg),
    data_preprocessor=dict(rgb.data_preprocessor, stream='mv'),
)
model = dict(_delete_=True, type='TwoViewRecognizer', views=dict(rgb=rgb, mv=motion))
del rgb, init_cfg, motion
