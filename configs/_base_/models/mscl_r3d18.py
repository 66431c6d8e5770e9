# MSCL: R3D-18 on RGB, a ResNet-18 of an eighth of its channels on each map of coloured flow.
model = dict(
    type='MSCLRecognizer',
    data_preprocessor=dict(
        type='SSLDataPreprocessor',
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
        # By the longest vector of each whole frame, so that colours do not depend on the frame rate.
        flow=dict(normalize='peak', size='rgb'),
        augment=dict(
            color_jitter=dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, p=0.8),
            grayscale_p=0.2,
            blur=dict(sigma=(0.1, 2.0), p=0.5),
        ),
    ),
    backbones=dict(
        # conv3, conv4 and conv5.
        rgb=dict(type='VideoResNet', arch='r3d', depth=18, out_indices=(2, 3, 4)),
        flow=dict(type='VideoResNet', arch='r2d', depth=18, width=0.125),
    ),
    input_transforms=dict(flow=dict(type='FlowColouring')),
    neck=dict(type='TemporalPyramid', in_channels=(128, 256, 512), out_channels=128, num_shared=2),
    # Flow Rotation Augmentation: one angle for each clip, from pi / 3 to 5 pi / 3.
    flow_augment=dict(
        type='FlowRotation', low=3.141592653589793 / 3, high=5 * 3.141592653589793 / 3
    ),
    head=dict(
        type='MSCLHead',
        projector=dict(
            rgb=dict(type='ProjectionHead', in_channels=512, out_channels=128),
            flow=dict(type='ProjectionHead', in_channels=64, out_channels=128),
        ),
        # L_RGB + L_Flow, L_RF, and lambda of L'_LMC, which the paper does not give.
        weights=dict(intra=1.0, inter=1.0, local=1.0),
        local=dict(
            type='LocalMotionContrast',
            # To the width of the pyramid.
            projections=dict(
                flow=dict(type='Conv1d', in_channels=64, out_channels=128, kernel_size=1)
            ),
            time_map='even',
        ),
        queue_length=65536,
        momentum=dict(momentum=0.999),
        criterion=dict(type='InfoNCELoss', temperature=0.07),
    ),
)
