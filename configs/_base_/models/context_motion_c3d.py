# Context-Motion Decoupling with C3D as V-network, R2D-10 as I-network and R3D-10 as M-network.
alpha = 0.5  # the share of motion prediction in the loss
model = dict(
    type='ContextMotionDecoupling',
    data_preprocessor=dict(
        type='SSLDataPreprocessor',
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
        # Motion is cut off at 10 px per frame, scaled to [-1, 1] and brought to the size of RGB.
        motion=dict(clip=10.0, size='rgb'),
        # Of clips and of I-frames, each with draws of its own.
        augment=dict(
            color_jitter=dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, p=0.5),
            grayscale_p=0.2,
            blur=dict(sigma=(0.1, 2.0), p=0.5),
        ),
    ),
    backbones=dict(
        rgb=dict(type='C3D'),
        iframe=dict(type='VideoResNet', arch='r2d', depth=10),
        motion=dict(type='VideoResNet', arch='r3d', depth=10, in_channels=2),
    ),
    context_head=dict(
        type='ContextMatchingHead',
        in_channels=512,
        context_channels=512,
        hidden_channels=2048,
        out_channels=512,
        criterion=dict(type='InfoNCELoss', temperature=0.1),
        loss_weight=1 - alpha,
    ),
    # For feature maps of 16 x 112 x 112 px of RGB and of 8 x 112 x 112 of motion.
    motion_head=dict(
        type='MotionPredictionHead',
        predictor=dict(
            type='TransformerPredictor',
            in_channels=512,
            in_size=(2, 7, 7),
            out_size=(1, 7, 7),
            channels=512,
            num_encoder_layers=2,
            num_decoder_layers=4,
            dropout=0.1,
        ),
        objective=dict(
            type='PointwiseContrast',
            motion_channels=512,
            hidden_channels=2048,
            out_channels=512,
            criterion=dict(type='InfoNCELoss', temperature=0.1),
        ),
        loss_weight=alpha,
    ),
)
