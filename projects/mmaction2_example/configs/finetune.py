# A network of our model zoo finetuned by mmaction2: its recognizer, head and transforms.
_base_ = [
    'mmaction::_base_/default_runtime.py',
    'mmaction::_base_/schedules/sgd_50e.py',
    '_base_/motion_primitives.py',
]
custom_imports = dict(imports=['ssvrl_mm'], allow_failed_imports=False)

model = dict(
    type='Recognizer3D',
    backbone=dict(
        type='ssvrl_mm.VideoResNet',
        arch='r3d',
        depth=10,
        width=0.5,
        temporal_strides=(1, 2, 2, 2, 2),
        # A name of the zoo, or the file of a training of your own. All weights of the network are there, or the run
        # ends and says what the checkpoint has.
        init_cfg=dict(
            type='ssvrl_mm.PretrainedBackbone',
            checkpoint='segment_order_r3d10',
            prefix='backbone_rgb.',
        ),
    ),
    cls_head=dict(
        type='I3DHead',
        num_classes=_base_.num_classes,
        in_channels=256,
        average_clips='prob',
    ),
    # As in pretraining: what is still is left out. Of networks that saw the whole picture, mmaction2's
    # ActionDataPreprocessor behind FormatShape and PackActionInputs does the same.
    data_preprocessor=dict(
        type='ssvrl_mm.SingleStreamPreprocessor', stream='rgb', rgb=dict(remove_still=True)
    ),
)

train_pipeline = [
    dict(type='DecordInit'),
    dict(type='SampleFrames', clip_len=16, num_clips=1),
    dict(type='DecordDecode'),
    dict(type='RandomResizedCrop', area_range=(0.5, 1.0)),
    dict(type='Resize', scale=(56, 56), keep_ratio=False),
    dict(type='ssvrl_mm.PackSSLInputs'),
]
val_pipeline = [
    dict(type='DecordInit'),
    dict(type='SampleFrames', clip_len=16, num_clips=2, test_mode=True),
    dict(type='DecordDecode'),
    dict(type='Resize', scale=(56, 56), keep_ratio=False),
    dict(type='ssvrl_mm.PackSSLInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='AccMetric')
test_evaluator = val_evaluator
