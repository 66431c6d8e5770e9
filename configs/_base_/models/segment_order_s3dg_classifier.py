# The classifier of segment_order_c3d_classifier.py on S3D-G.
_base_ = './segment_order_c3d_classifier.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='S3D',
        gating=True,
        init_cfg=dict(
            type='PretrainedBackbone',
            checkpoint='{{$SSVRL_PRETRAINED:work_dirs/segment_order/segment_order_s3dg_ucf101/epoch_300.pth}}',
            prefix='backbone_rgb.',
        ),
    ),
    cls_head=dict(in_channels=1024),
)
