# C3D on RGB, trained on HMDB51 from random weights and regularised by motion prediction (Table 6).
_base_ = [
    '../../_base_/models/c3d_classifier.py',
    '../../_base_/models/motion_prediction_regularizer.py',
    '../../_base_/datasets/hmdb51_context_motion_classification.py',
    '../../_base_/schedules/downstream_context_motion.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(
    backbone=dict(init_cfg=None),
    neck=_base_.regularizer,
    cls_head=dict(num_classes=51),
)
optim_wrapper = dict(optimizer=dict(lr=2e-4 * 8, weight_decay=2e-3))
# Motion is what training predicts; a test sees RGB alone.
train_dataloader = dict(
    dataset=dict(pipeline=_base_.regularized_pipeline, streams=('rgb', 'motion'))
)
