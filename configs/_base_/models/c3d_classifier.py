# mmaction2's recognizer on C3D, the V-network of Context-Motion Decoupling; RGB unless a config names
# another stream.
model = dict(
    type='Recognizer3D',
    data_preprocessor=dict(
        type='SingleStreamPreprocessor',
        stream='rgb',
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
        # As in pretraining: cut off at 10 px per frame.
        motion=dict(clip=10.0, size=112),
        flow=dict(clip=10.0, size=112),
        augment=dict(
            color_jitter=dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, p=0.5),
            blur=dict(sigma=(0.1, 2.0), p=0.5),
        ),
    ),
    backbone=dict(
        type='C3D',
        # None: from random weights.
        init_cfg=dict(
            type='PretrainedBackbone',
            checkpoint='{{$SSVRL_PRETRAINED:work_dirs/context_motion/context_motion_c3d_ucf101/epoch_120.pth}}',
            prefix='backbone_rgb.',
        ),
    ),
    cls_head=dict(
        type='ClassificationHead',
        in_channels=512,
        num_classes=101,
        dropout_ratio=0.3,
        average_clips='prob',
    ),
    # Clips of one video at a time; needs a batch size of 1 in tests.
    test_cfg=dict(max_testing_views=32),
)
