# The synthesis of views of segment_order_views.py; the feature extractor is R(2+1)D with one block per layer, as in VCOP.
_base_ = './segment_order_views.py'

model = dict(
    feature_extractor=dict(
        _delete_=True,
        type='VideoResNet',
        arch='r2plus1d',
        depth=10,
        mid_channels_by='convolution',
        factored_shortcuts=True,
        init_cfg=dict(
            type='PretrainedBackbone',
            checkpoint='{{$SSVRL_EXTRACTOR:work_dirs/segment_order/segment_order_r2plus1d10_ucf101_no-view/epoch_300.pth}}',
            prefix='backbone_rgb.',
        ),
    ),
)
