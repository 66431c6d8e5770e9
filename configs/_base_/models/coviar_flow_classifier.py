# CoViAR's network of optical flow: ResNet-18 on single frames, whose scores are averaged over the video.
model = dict(
    type='Recognizer2D',
    data_preprocessor=dict(
        type='SingleStreamPreprocessor',
        stream='flow',
        single_frames=True,
        channels_last=False,
        flow=dict(clip=20.0, size=224),
    ),
    backbone=dict(
        type='FrameResNet',
        depth=18,
        in_channels=2,
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
