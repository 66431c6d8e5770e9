# mmaction2's recognizer on C3D, with the colours of segment order's pretraining and without dropout, as in the code of
# VCOP.
model = dict(
    type='Recognizer3D',
    data_preprocessor=dict(
        type='SingleStreamPreprocessor',
        stream='rgb',
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
        augment=dict(
            color_jitter=dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.0, p=0.8)
        ),
    ),
    backbone=dict(
        type='C3D',
        # None: from random weights.
        init_cfg=dict(
            type='PretrainedBackbone',
            checkpoint='{{$SSVRL_PRETRAINED:work_dirs/segment_order/segment_order_c3d_ucf101/epoch_300.pth}}',
            prefix='backbone_rgb.',
        ),
    ),
    cls_head=dict(
        type='ClassificationHead',
        in_channels=512,
        num_classes=101,
        dropout_ratio=0,
        average_clips='prob',
    ),
    # Clips of one video at a time; needs a batch size of 1 where their number differs.
    test_cfg=dict(max_testing_views=10),
)
