# The same, regularised by motion prediction.
_base_ = './context_motion_demo_scratch.py'

model = dict(
    neck=dict(
        type='MotionPredictionRegularizer',
        backbone_motion=dict(
            type='VideoResNet',
            arch='r3d',
            depth=10,
            in_channels=2,
            width=0.25,
            # 16 x 16 cells of motion are not to be shrunk to nothing.
            spatial_strides=(1, 1, 2, 2, 1),
        ),
        head=dict(
            type='MotionPredictionHead',
            predictor=dict(
                type='TransformerPredictor',
                in_channels=128,
                in_size=(2, 4, 4),
                out_size=(1, 4, 4),
                channels=64,
                num_heads=4,
                num_encoder_layers=1,
                num_decoder_layers=2,
                dropout=0.1,
            ),
            objective=dict(
                type='PointwiseContrast',
                motion_channels=128,
                hidden_channels=256,
                out_channels=64,
                criterion=dict(type='InfoNCELoss', temperature=0.1),
            ),
            loss_weight=0.2,
        ),
        clip=1.0,
        size=16,
    )
)
train_pipeline = [
    _base_.open_video,
    dict(_base_.sample, num_negatives=1),
    _base_.crop,
    _base_.decode,
    dict(_base_.pack, motion_target=True),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline, streams=('rgb', 'motion')))
