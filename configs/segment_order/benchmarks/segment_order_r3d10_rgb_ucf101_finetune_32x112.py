# Table IX: R3D-10, finetuned on UCF101 by clips of 32 frames of 112 x 112.
_base_ = [
    '../../_base_/models/segment_order_r3d10_classifier.py',
    '../../_base_/datasets/ucf101_segment_order_classification.py',
    '../../_base_/schedules/downstream_vcop.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/segment_order/segment_order_r3d10_ucf101_32x112/epoch_300.pth}}'
)
model = dict(backbone=dict(init_cfg=pretrained))
train_dataloader = dict(dataset=dict(pipeline=_base_.clips_32x112.train))
val_dataloader = dict(dataset=dict(pipeline=_base_.clips_32x112.val))
test_dataloader = dict(dataset=dict(pipeline=_base_.clips_32x112.test))
default_hooks = dict(checkpoint=_base_.keep_best)
