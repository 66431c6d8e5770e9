# IMRNet of 50 layers and, beside it, an I3D on optical flow; a classifier on the features of both.
_base_ = './imrnet_r50_classifier.py'

imrnet = _base_.model.backbone
model = dict(
    backbone=dict(
        _delete_=True,
        type='SideBySideBackbone',
        backbone={key: value for key, value in imrnet.items() if key != 'init_cfg'},
        further=dict(flow=dict(type='S3D', in_channels=2, separable=False)),
        init_cfg=dict(
            imrnet.init_cfg,
            checkpoint='{{$SSVRL_PRETRAINED:work_dirs/imrnet/imrnet_r50_i3d_k400_supervised/epoch_20.pth}}',
        ),
    ),
    cls_head=dict(in_channels=2048 + 128 + 128 + 1024),
)
del imrnet
