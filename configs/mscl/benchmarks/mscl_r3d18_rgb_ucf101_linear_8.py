# Linear probe of R3D-18 on RGB on UCF101 by clips of 8 frames.
_base_ = [
    '../../_base_/models/r3d18_classifier.py',
    '../../_base_/datasets/ucf101_mscl_classification.py',
    '../../_base_/schedules/downstream_coclr_linear.py',
    '../../_base_/downstream_runtime.py',
]

# As CoCLR probes.
model = dict(type='LinearProbe', cls_head=dict(feature_norm=('l2', 'batch'), dropout_ratio=0))
train_dataloader = dict(dataset=dict(pipeline=_base_.eight_frames.train))
val_dataloader = dict(dataset=dict(pipeline=_base_.eight_frames.val))
test_dataloader = dict(dataset=dict(pipeline=_base_.eight_frames.test))
