# Motion prediction as the neck of a classifier: Table 6 of Context-Motion Decoupling. For feature maps
# of 16 x 112 x 112 px of RGB and of 8 x 112 x 112 of motion.
regularizer = dict(
    type='MotionPredictionRegularizer',
    backbone_motion=dict(type='VideoResNet', arch='r3d', depth=10, in_channels=2),
    head=dict(
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
        loss_weight=0.2,
    ),
    clip=10.0,
    size=112,
)
