# A classifier from random weights with motion prediction as regularisation, Table 6 of Context-Motion
# Decoupling.
_base_ = ['./c3d_classifier.py', './motion_prediction.py']

model = dict(
    backbone=dict(init_cfg=None),
    neck=dict(
        type='MotionPredictionRegularizer',
        backbone_motion=dict(type='VideoResNet', arch='r3d', depth=10, in_channels=2),
        head=dict(_base_.motion_head, loss_weight=0.2),
        clip=10.0,
        size=112,
    ),
)
