# mmaction2's SlowOnly on two channels: the motion vectors that the codec left in the file, read while training.
_base_ = [
    'mmaction::_base_/models/slowonly_r50.py',
    'mmaction::_base_/default_runtime.py',
    'mmaction::_base_/schedules/sgd_50e.py',
    '_base_/motion_primitives.py',
]
custom_imports = dict(imports=['ssvrl_mm'], allow_failed_imports=False)

model = dict(
    backbone=dict(pretrained=None, in_channels=2, base_channels=16),  # 64 for the whole network
    cls_head=dict(num_classes=_base_.num_classes, in_channels=512),
    # Divides motion by `clip` px per frame (1 here, 20 for ordinary videos) and brings it to 56 x 56.
    data_preprocessor=dict(
        _delete_=True,
        type='ssvrl_mm.SingleStreamPreprocessor',
        stream='motion',
        motion=dict(clip=1.0, size=56),
    ),
)

train_pipeline = [
    dict(type='ssvrl_mm.OpenCompressedVideo'),
    dict(type='ssvrl_mm.SampleClips', clip_len=8, frame_interval=2, num_clips=1),
    dict(type='ssvrl_mm.ClipRandomResizedCrop', size=56, area_range=(0.5, 1.0)),
    dict(type='ssvrl_mm.DecodeCompressedVideo', streams=('motion',)),
    dict(type='ssvrl_mm.PackSSLInputs'),
]
val_pipeline = [
    dict(type='ssvrl_mm.OpenCompressedVideo'),
    dict(type='ssvrl_mm.SampleClips', clip_len=8, frame_interval=2, num_clips=2, test_mode=True),
    dict(type='ssvrl_mm.ClipResize', short_side=56),
    dict(type='ssvrl_mm.ClipCenterCrop', size=56),
    dict(type='ssvrl_mm.DecodeCompressedVideo', streams=('motion',)),
    dict(type='ssvrl_mm.PackSSLInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='AccMetric')
test_evaluator = val_evaluator
