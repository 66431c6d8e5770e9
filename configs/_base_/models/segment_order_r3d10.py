# Segment order with R3D with one block per layer, as in VCOP.
_base_ = './segment_order_c3d.py'

model = dict(
    backbones=dict(rgb=dict(_delete_=True, type='VideoResNet', arch='r3d', depth=10)),
    view_generator=dict(
        init_cfg=dict(
            checkpoint='{{$SSVRL_VIEWS:work_dirs/segment_order/segment_order_r3d10_ucf101_views/epoch_30.pth}}'
        )
    ),
)
