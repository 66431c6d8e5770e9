# The classifier of segment_order_c3d_classifier.py on R(2+1)D with one block per layer, as in VCOP.
_base_ = './segment_order_c3d_classifier.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='VideoResNet',
        arch='r2plus1d',
        depth=10,
        mid_channels_by='convolution',
        factored_shortcuts=True,
        init_cfg=dict(
            type='PretrainedBackbone',
            checkpoint='{{$SSVRL_PRETRAINED:work_dirs/segment_order/segment_order_r2plus1d10_ucf101/epoch_300.pth}}',
            prefix='backbone_rgb.',
        ),
    ),
)
