# MVCGC: two S3D, one on RGB and one on motion vectors (2 channels).
model = dict(
    type='ContrastiveRecognizer',
    data_preprocessor=dict(
        type='SSLDataPreprocessor',
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
        # Motion is cut off at 20 px per frame, scaled to [-1, 1] and brought to the size of RGB; so
        # is optical flow.
        motion=dict(clip=20.0, size='rgb'),
        flow=dict(clip=20.0, size='rgb'),
        augment=dict(
            color_jitter=dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, p=0.8),
            grayscale_p=0.2,
            blur=dict(sigma=(0.1, 2.0), p=0.5),
        ),
    ),
    backbones=dict(
        rgb=dict(type='S3D', in_channels=3),
        motion=dict(type='S3D', in_channels=2),
    ),
    head=dict(
        type='MVCGCHead',
        projector=dict(
            type='ProjectionHead', in_channels=1024, hidden_channels=1024, out_channels=128
        ),
        k=5,
        mining='intersection',
        queue_length=2048,
        momentum=0.999,
        criterion=dict(type='InfoNCELoss', temperature=0.07),
    ),
    # Each stream alone, then each guided by the other: (first epoch, stage of the head).
    stages=[(0, 'init'), (300, 'cross')],
)
