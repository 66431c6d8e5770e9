# mmaction2's recognizer on a pretrained R3D-18, on RGB.
model = dict(
    type='Recognizer3D',
    data_preprocessor=dict(
        type='SingleStreamPreprocessor',
        stream='rgb',
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
        # CoCLR's, whose procedure MSCL follows: rarer than in pretraining.
        augment=dict(
            color_jitter=dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, p=0.3)
        ),
    ),
    backbone=dict(
        type='VideoResNet',
        arch='r3d',
        depth=18,
        # None: from random weights.
        init_cfg=dict(
            type='PretrainedBackbone',
            checkpoint='{{$SSVRL_PRETRAINED:work_dirs/mscl/mscl_r3d18_ucf101/epoch_600.pth}}',
            prefix='backbone_rgb.',
        ),
    ),
    cls_head=dict(
        type='ClassificationHead',
        in_channels=512,
        num_classes=101,
        # CoCLR's.
        dropout_ratio=0.9,
        average_clips='prob',
    ),
    # Clips of one video at a time; needs a batch size of 1 where their number differs.
    test_cfg=dict(max_testing_views=32),
)
