# The head of motion prediction, for feature maps of 16 x 112 x 112 px of RGB and of 8 x 112 x 112 of
# motion.
motion_head = dict(
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
        temperature=0.1,
    ),
)
