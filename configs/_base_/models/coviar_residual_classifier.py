# CoViAR's network of residuals: ResNet-18 on single frames, whose scores are averaged over the video.
model = dict(
    type='Recognizer2D',
    data_preprocessor=dict(
        type='SingleStreamPreprocessor',
        stream='residual',
        single_frames=True,
        channels_last=False,
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
        residual=dict(coviar=True),
    ),
    backbone=dict(
        type='FrameResNet',
        depth=18,
        in_channels=3,
        input_norm=True,
        # None: from random weights, or from init_cfg.
        pretrained='torchvision://resnet18',
    ),
    cls_head=dict(
        type='TSNHead',
        in_channels=512,
        num_classes=101,
        # As in the released code there is none.
        dropout_ratio=0,
        init_std=0.01,
        average_clips='prob',
    ),
)
