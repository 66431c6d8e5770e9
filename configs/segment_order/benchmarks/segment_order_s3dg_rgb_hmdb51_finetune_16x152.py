# Table IX: S3D-G, finetuned on HMDB51 by clips of 16 frames of 152 x 152.
_base_ = [
    '../../_base_/models/segment_order_s3dg_classifier.py',
    '../../_base_/datasets/hmdb51_segment_order_classification.py',
    '../../_base_/schedules/downstream_vcop.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/segment_order/segment_order_s3dg_ucf101_16x152/epoch_300.pth}}'
)
model = dict(backbone=dict(init_cfg=pretrained), cls_head=dict(num_classes=51))
train_dataloader = dict(dataset=dict(pipeline=_base_.clips_16x152.train))
val_dataloader = dict(dataset=dict(pipeline=_base_.clips_16x152.val))
test_dataloader = dict(dataset=dict(pipeline=_base_.clips_16x152.test))
default_hooks = dict(checkpoint=_base_.keep_best)
