# R(2+1)D-26 in the place of C3D.
_base_ = '../c3d/two_view_hmdb51_linear.py'

checkpoint = 'work_dirs/r2plus1d26_ucf101/epoch_120.pth'
rgb = dict(_base_.model.classifiers.rgb.backbone.init_cfg, checkpoint=checkpoint)
model = dict(
    classifiers=dict(
        rgb=dict(
            backbone=dict(
                _delete_=True, type='VideoResNet', arch='r2plus1d', depth=26, init_cfg=rgb
            ),
            cls_head=dict(in_channels=2048),
        ),
        motion=dict(backbone=dict(init_cfg=dict(checkpoint=checkpoint))),
    )
)
