# The V-network of configs/context_motion/demo.py as a classifier on MotionPrimitives, from random weights
# and 8 labelled videos per class.
_base_ = ['../context_motion/demo.py']

pretraining = _base_.model
model = dict(
    _delete_=True,
    type='Recognizer3D',
    data_preprocessor=dict(
        pretraining.data_preprocessor, type='SingleStreamPreprocessor', stream='rgb'
    ),
    backbone=pretraining.backbone_rgb,
    cls_head=dict(
        type='ClassificationHead',
        in_channels=pretraining.context_head.in_channels,
        num_classes=16,
        dropout_ratio=0.3,
        average_clips='prob',
    ),
)
train_pipeline = list(_base_.train_pipeline)
train_pipeline[1] = dict(_base_.train_pipeline[1], iframe_window=None, num_negatives=0)
train_pipeline[2] = dict(_base_.train_pipeline[2], streams=('rgb',))
# The list goes class by class.
train_dataloader = dict(dataset=dict(indices=list(range(0, 640, 5)), pipeline=train_pipeline))
test_pipeline = list(_base_.test_pipeline)
test_pipeline[1] = dict(_base_.test_pipeline[1], iframe_window=None)
test_pipeline[2] = dict(_base_.test_pipeline[2], streams=('rgb',))
test_dataloader = dict(
    dataset=dict(_delete_=True, **dict(_base_.query, role=None, pipeline=test_pipeline))
)
val_dataloader = test_dataloader
test_evaluator = dict(_delete_=True, type='VideoClassification', topk=(1, 5))
val_evaluator = test_evaluator

# As many steps as the pretraining has.
max_epochs = 125
train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, convert_to_iter_based=True)]
default_hooks = dict(checkpoint=dict(interval=25))
custom_hooks = [dict(type='StrictCheckpointHook')]
