# R3D-26 on RGB, trained on UCF101 from random weights and regularised by motion prediction (Table 6).
_base_ = [
    '../../_base_/models/r3d26_classifier.py',
    '../../_base_/models/motion_prediction_regularizer.py',
    '../../_base_/datasets/ucf101_context_motion_classification.py',
    '../../_base_/schedules/downstream_context_motion.py',
    '../../_base_/downstream_runtime.py',
]

regularizer = _base_.regularizer
regularizer.head.predictor.in_channels = 2048
model = dict(
    backbone=dict(init_cfg=None),
    neck=regularizer,
)
# Motion is what training predicts; a test sees RGB alone.
train_dataloader = dict(
    dataset=dict(pipeline=_base_.regularized_pipeline, streams=('rgb', 'motion'))
)
