# C3D, pretrained by VCOP and finetuned on UCF101; neither mirrored nor with other colours.
_base_ = [
    '../../_base_/models/segment_order_c3d_classifier.py',
    '../../_base_/datasets/ucf101_segment_order_classification.py',
    '../../_base_/schedules/downstream_vcop.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(checkpoint='{{$SSVRL_PRETRAINED:work_dirs/vcop/vcop_c3d_ucf101/epoch_300.pth}}')
model = dict(
    data_preprocessor=dict(augment=None),
    backbone=dict(init_cfg=pretrained),
)
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline_without_flip))
default_hooks = dict(checkpoint=_base_.keep_best)
