# Segment order with S3D-G.
_base_ = './segment_order_c3d.py'

model = dict(
    backbones=dict(rgb=dict(_delete_=True, type='S3D', gating=True)),
    order=dict(in_channels=1024),
    rate=dict(in_channels=1024),
    head=dict(projector=dict(in_channels=1024)),
    view_generator=dict(
        init_cfg=dict(
            checkpoint='{{$SSVRL_VIEWS:work_dirs/segment_order/segment_order_s3dg_ucf101_views/epoch_30.pth}}'
        )
    ),
)
