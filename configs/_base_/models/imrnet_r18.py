# IMRNet, of which the I pathway is a ResNet-18, under its two pretext tasks: PMSP and CTP.
model = dict(
    type='JointPretextRecognizer',
    data_preprocessor=dict(
        type='SSLDataPreprocessor',
        # Of I-frames, too.
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
        # Motion is cut off at 20 px per frame, scaled to [-1, 1] and brought to the size of I-frames.
        motion=dict(clip=20.0, size='rgb'),
        residual=dict(scale=255.0),
    ),
    backbone=dict(type='IMRNet', depth=18, connection='bidirectional'),
    # L_PMSP + lambda L_CTP, lambda = 1.
    heads=dict(
        pmsp=dict(type='PMSPHead', loss_weight=1.0),
        ctp=dict(type='CTPHead', num_types=4, loss_weight=1.0),
    ),
    # Aligned clips, which PMSP is learnt from too, and one of the other types, in one batch.
    correspondence=dict(mixing='two_passes'),
)
