# Segment order with R(2+1)D with one block per layer, as in VCOP.
_base_ = './segment_order_c3d.py'

model = dict(
    backbones=dict(
        rgb=dict(
            _delete_=True,
            type='VideoResNet',
            arch='r2plus1d',
            depth=10,
            mid_channels_by='convolution',
            factored_shortcuts=True,
        )
    ),
    view_generator=dict(
        init_cfg=dict(
            checkpoint='{{$SSVRL_VIEWS:work_dirs/segment_order/segment_order_r2plus1d10_ucf101_views/epoch_30.pth}}'
        )
    ),
)
