# The generator of views of segment_order_s3dg_ucf101.py; the feature extractor is the S3D-G of
# segment_order_s3dg_ucf101_64x152_no-view.py.
_base_ = [
    '../_base_/models/segment_order_views.py',
    '../_base_/datasets/ucf101_segment_order_views.py',
    '../_base_/schedules/segment_order_views.py',
    '../_base_/default_runtime.py',
]

model = dict(
    feature_extractor=dict(
        _delete_=True,
        type='S3D',
        gating=True,
        init_cfg=dict(
            type='PretrainedBackbone',
            checkpoint='{{$SSVRL_EXTRACTOR:work_dirs/segment_order/segment_order_s3dg_ucf101_64x152_no-view/epoch_300.pth}}',
            prefix='backbone_rgb.',
        ),
    ),
)
