# Pretraining by the order and the rates of shuffled segments: our sampler among mmaction2's transforms, our heads on
# its ResNet3d.
_base_ = [
    'mmaction::_base_/default_runtime.py',
    'mmaction::_base_/schedules/adam_20e.py',
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
    cls_head=dict(
        type='ssvrl_mm.MultiTaskHead',
        heads=dict(
            order=dict(type='SegmentOrderHead', in_channels=128, num_segments=3),
            rate=dict(type='SamplingRateHead', in_channels=128, num_segments=3, max_rate=4),
        ),
    ),
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        format_shape='NCTHW',
    ),
)

segments = dict(type='ssvrl_mm.SampleShuffledSegments', clip_len=16, num_segments=3, max_rate=4)
# What the sampler wrote for the heads, and the name that metrics know a video by.
pack = dict(
    type='PackActionInputs',
    algorithm_keys=('segment_order', 'segment_lengths', 'sampling_rates'),
    meta_keys=('filename',),
)
train_pipeline = [
    dict(type='DecordInit'),
    segments,
    dict(type='DecordDecode'),
    dict(type='Resize', scale=(64, 64), keep_ratio=False),
    dict(type='RandomCrop', size=56),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
val_pipeline = [
    dict(type='DecordInit'),
    dict(segments, test_mode=True),
    dict(type='DecordDecode'),
    dict(type='Resize', scale=(64, 64), keep_ratio=False),
    dict(type='CenterCrop', crop_size=56),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader

# The best checkpoint is that of the first metric, pretext/order: `save_best='auto'` of mmaction2's runtime knows it.
val_evaluator = [dict(type='ssvrl_mm.PretextAccuracy'), dict(type='ssvrl_mm.SamplingRateError')]
test_evaluator = val_evaluator

optim_wrapper = dict(optimizer=dict(lr=1e-3))
