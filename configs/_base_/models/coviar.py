# CoViAR's three networks, ResNet-152 on I-frames and ResNet-18 on motion vectors and on residuals, frame by
# frame, for a pretext task on their features. A config names the task's head.
model = dict(
    type='JointPretextRecognizer',
    data_preprocessor=dict(
        type='SSLDataPreprocessor',
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
        # As in finetuning: accumulated, cut off at 20 px, scaled as pixels are.
        motion=dict(clip=20.0, size='rgb', coviar=True),
        residual=dict(coviar=True),
    ),
    backbone=dict(type='CoViAR'),
)
