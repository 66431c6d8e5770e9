# The demo's two backbones finetuned on MotionPrimitives, and their probabilities averaged: accuracies of
# RGB, motion and both. Start with configs/mvcgc/demo.py, whose numbers all of this follows.
_base_ = ['../mvcgc/demo.py']

pretrained = dict(
    type='PretrainedBackbone', checkpoint=f'work_dirs/demo/epoch_{_base_.max_epochs}.pth'
)
classifier = dict(
    type='Recognizer3D',
    data_preprocessor=dict(
        _base_.model.data_preprocessor, type='SingleStreamPreprocessor', stream='rgb'
    ),
    backbone=dict(_base_.model.backbone_rgb, init_cfg=dict(pretrained, prefix='backbone_rgb.')),
    cls_head=dict(
        type='ClassificationHead',
        in_channels=_base_.model.head.projector.in_channels,
        num_classes=16,
        dropout_ratio=0.5,
        average_clips='prob',
    ),
)
motion_classifier = dict(
    classifier,
    data_preprocessor=dict(classifier['data_preprocessor'], stream='motion'),
    backbone=dict(
        _base_.model.backbone_motion, init_cfg=dict(pretrained, prefix='backbone_motion.')
    ),
)
model = dict(
    _delete_=True,
    type='LateFusionRecognizer',
    classifiers=dict(rgb=classifier, motion=motion_classifier),
)

train_pipeline = [
    dict(step, num_clips=1) if step.type == 'SampleClips' else step
    for step in _base_.train_pipeline
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(_delete_=True, **dict(_base_.query, role=None)))
val_dataloader = test_dataloader
test_evaluator = dict(_delete_=True, type='VideoClassification', topk=(1, 5))
val_evaluator = test_evaluator

max_epochs = 10
train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs, val_interval=max_epochs)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3, weight_decay=1e-5))
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, convert_to_iter_based=True)]
custom_hooks = [dict(type='StrictCheckpointHook'), dict(type='InitBeforeTestHook')]
