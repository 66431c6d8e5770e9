# mmaction2's recognizer on a pretrained S3D; RGB unless a config names another stream.
model = dict(
    type='Recognizer3D',
    data_preprocessor=dict(
        type='SingleStreamPreprocessor',
        stream='rgb',
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
        # As in pretraining: cut off at 20 px per frame, brought to the size of RGB.
        motion=dict(clip=20.0, size=128),
        flow=dict(clip=20.0, size=128),
        # CoCLR's, whose procedure MVCGC follows: rarer than in pretraining.
        augment=dict(
            color_jitter=dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, p=0.3)
        ),
    ),
    backbone=dict(
        type='S3D',
        in_channels=3,
        # None: from random weights.
        init_cfg=dict(
            type='PretrainedBackbone',
            checkpoint='{{$SSVRL_PRETRAINED:work_dirs/mvcgc/s3d_ucf101/epoch_500.pth}}',
            prefix='backbone_rgb.',
        ),
    ),
    cls_head=dict(
        type='ClassificationHead',
        in_channels=1024,
        num_classes=101,
        dropout_ratio=0.9,
        average_clips='prob',
    ),
    # Clips of one video at a time; needs a batch size of 1 in tests.
    test_cfg=dict(max_testing_views=32),
)
