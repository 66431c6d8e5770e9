# CoViAR's network of I-frames: ResNet-152 on single frames, whose scores are averaged over the video.
model = dict(
    type='Recognizer2D',
    data_preprocessor=dict(
        type='SingleStreamPreprocessor',
        stream='iframe',
        single_frames=True,
        channels_last=False,
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
        # Hue, lightness and saturation differ by up to a fifth.
        augment=dict(
            color_jitter=dict(brightness=0.2, contrast=0.0, saturation=0.2, hue=0.2, p=1.0)
        ),
    ),
    backbone=dict(
        type='FrameResNet',
        depth=152,
        in_channels=3,
        # None: from random weights, or from init_cfg.
        pretrained='torchvision://resnet152',
    ),
    cls_head=dict(
        type='TSNHead',
        in_channels=2048,
        num_classes=101,
        # As in the released code there is none.
        dropout_ratio=0,
        init_std=0.01,
        average_clips='prob',
    ),
)
