# Classification that is also asked for the motion after each clip: our neck in mmaction2's recognizer. What tests and
# deploys is the network without it.
_base_ = [
    'mmaction::_base_/default_runtime.py',
    'mmaction::_base_/schedules/sgd_50e.py',
    '_base_/motion_primitives.py',
]
custom_imports = dict(imports=['ssvrl_mm'], allow_failed_imports=False)

model = dict(
    type='Recognizer3D',
    backbone=dict(
        type='ResNet3d',
        depth=18,
        base_channels=16,  # 64 for the whole network
        pretrained=None,
        pretrained2d=False,
        with_pool1=False,
        with_pool2=False,
        temporal_strides=(1, 2, 2, 2),
    ),
    neck=dict(
        type='ssvrl_mm.MotionPredictionRegularizer',
        # 16 x 16 cells of motion are not to be shrunk to nothing.
        backbone_motion=dict(
            type='VideoResNet',
            arch='r3d',
            depth=10,
            in_channels=2,
            width=0.25,
            spatial_strides=(1, 1, 2, 2, 1),
        ),
        head=dict(
            type='MotionPredictionHead',
            predictor=dict(
                type='TransformerPredictor',
                in_channels=128,
                in_size=(1, 4, 4),  # of the backbone's map
                out_size=(1, 4, 4),  # of the motion network's
                channels=64,
                num_heads=4,
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
        clip=1.0,  # px per frame; 10 for ordinary videos
        size=16,
    ),
    cls_head=dict(
        type='I3DHead',
        num_classes=_base_.num_classes,
        in_channels=128,
        average_clips='prob',
    ),
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        format_shape='NCTHW',
    ),
)

train_pipeline = [
    dict(type='ssvrl_mm.OpenCompressedVideo'),
    # Frames of the clip, and motion vectors of the frames that follow it.
    dict(
        type='ssvrl_mm.SampleContextMotion',
        clip_len=8,
        frame_interval=2,
        num_negatives=1,
        iframe_window=None,
    ),
    dict(type='ssvrl_mm.ClipRandomResizedCrop', size=56, area_range=(0.5, 1.0)),
    dict(type='ssvrl_mm.DecodeCompressedVideo', streams=('rgb', 'motion')),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='ssvrl_mm.PackMotionTarget'),
]
val_pipeline = [
    dict(type='DecordInit'),
    dict(type='SampleFrames', clip_len=16, num_clips=1, test_mode=True),
    dict(type='DecordDecode'),
    dict(type='Resize', scale=(56, 56), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='AccMetric')
test_evaluator = val_evaluator
