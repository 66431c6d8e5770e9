# The V-network of configs/context_motion/context_motion_demo.py as a classifier on MotionPrimitives,
# from random weights and 8 labelled videos per class.
_base_ = [
    '../../_base_/datasets/motion_primitives_classification.py',
    '../../_base_/schedules/demo_schedule.py',
    '../../_base_/default_runtime.py',
]

model = dict(
    type='Recognizer3D',
    data_preprocessor=dict(
        type='SingleStreamPreprocessor',
        stream='rgb',
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], remove_still=True),
        motion=dict(clip=1.0, size=16),
        augment=None,
    ),
    backbone=dict(
        type='VideoResNet',
        arch='r3d',
        depth=10,
        width=0.25,
        temporal_strides=(1, 1, 2, 2, 1),
    ),
    cls_head=dict(
        type='ClassificationHead',
        in_channels=128,
        num_classes=16,
        dropout_ratio=0.3,
        average_clips='prob',
    ),
)

# Flipped, left and right would become each other's class.
open_video = dict(type='OpenCompressedVideo')
sample = dict(
    type='SampleContextMotion',
    clip_len=8,
    frame_interval=2,
    motion_len=8,
    motion_gap=2,
    num_negatives=0,
    iframe_window=None,
)
decode = dict(type='DecodeCompressedVideo')
crop = dict(type='ClipRandomResizedCrop', size=56, area_range=(0.5, 1.0))
pack = dict(type='PackSSLInputs')
train_pipeline = [open_video, sample, crop, decode, pack]
test_pipeline = [
    open_video,
    dict(sample, num_clips=3, test_mode=True),
    dict(type='ClipResize', short_side=56),
    dict(type='ClipCenterCrop', size=56),
    decode,
    pack,
]
train_dataloader = dict(
    # The list goes class by class.
    dataset=dict(streams=('rgb',), indices=list(range(0, 640, 5)), pipeline=train_pipeline)
)
test_dataloader = dict(dataset=dict(streams=('rgb',), pipeline=test_pipeline))
val_dataloader = test_dataloader

# As many steps as the pretraining has.
max_epochs = 125
train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs, val_interval=10)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, convert_to_iter_based=True)]
default_hooks = dict(checkpoint=dict(interval=25))
custom_hooks = [dict(type='StrictCheckpointHook')]
