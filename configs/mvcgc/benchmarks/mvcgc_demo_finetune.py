# The demo's two backbones finetuned on MotionPrimitives, and their probabilities averaged: accuracies
# of RGB, motion and both. Everything follows configs/mvcgc/demo.py, whose run comes first.
_base_ = [
    '../../_base_/datasets/motion_primitives_classification.py',
    '../../_base_/schedules/demo_schedule.py',
    '../../_base_/default_runtime.py',
]

data_preprocessor = dict(
    type='SingleStreamPreprocessor',
    rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], remove_still=True),
    motion=dict(clip=1.0, size=16),
    augment=None,
)
pretrained = dict(type='PretrainedBackbone', checkpoint='work_dirs/demo/epoch_30.pth')
head = dict(
    type='ClassificationHead',
    in_channels=256,
    num_classes=16,
    dropout_ratio=0.5,
    average_clips='prob',
)
rgb = dict(
    type='Recognizer3D',
    data_preprocessor=dict(data_preprocessor, stream='rgb'),
    backbone=dict(
        type='S3D', in_channels=3, width=0.25, init_cfg=dict(pretrained, prefix='backbone_rgb.')
    ),
    cls_head=head,
)
motion = dict(
    type='Recognizer3D',
    data_preprocessor=dict(data_preprocessor, stream='motion'),
    backbone=dict(
        type='S3D',
        in_channels=2,
        width=0.25,
        spatial_strides=(1, 2, 2, 2, 1),
        init_cfg=dict(pretrained, prefix='backbone_motion.'),
    ),
    cls_head=head,
)
model = dict(type='LateFusionRecognizer', classifiers=dict(rgb=rgb, motion=motion))
del data_preprocessor, pretrained, head, rgb, motion

# No flip: left and right are different classes.
train_pipeline = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleClips', clip_len=16, num_clips=1),
    dict(type='ClipRandomResizedCrop', size=56, area_range=(0.5, 1.0)),
    dict(type='DecodeCompressedVideo'),
    dict(type='PackSSLInputs', rgb_interval=2),
]
test_pipeline = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleClips', clip_len=16, num_clips=3, test_mode=True),
    dict(type='ClipResize', short_side=56),
    dict(type='ClipCenterCrop', size=56),
    dict(type='DecodeCompressedVideo'),
    dict(type='PackSSLInputs', rgb_interval=2),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_dataloader = test_dataloader

max_epochs = 10
train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs, val_interval=max_epochs)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, convert_to_iter_based=True)]
default_hooks = dict(checkpoint=dict(interval=1))
custom_hooks = [dict(type='StrictCheckpointHook'), dict(type='InitBeforeTestHook')]
