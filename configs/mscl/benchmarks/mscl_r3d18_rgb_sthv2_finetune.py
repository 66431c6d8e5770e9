# R3D-18 on RGB, pretrained on Kinetics-400 and finetuned on Something-Something V2 as the released code does.
_base_ = [
    '../../_base_/models/r3d18_classifier.py',
    '../../_base_/datasets/sthv2_mscl_classification.py',
    '../../_base_/schedules/downstream_mscl_sthv2.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(checkpoint='{{$SSVRL_PRETRAINED:work_dirs/mscl/mscl_r3d18_k400/epoch_200.pth}}')
model = dict(
    data_preprocessor=dict(augment=None),
    backbone=dict(init_cfg=pretrained),
    cls_head=dict(num_classes=174, dropout_ratio=0.5),
)
