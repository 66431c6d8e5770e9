# R3D-18 on RGB, finetuned on HMDB51 by clips of 16 frames, pretrained on Kinetics-400.
_base_ = [
    '../../_base_/models/r3d18_classifier.py',
    '../../_base_/datasets/hmdb51_mscl_classification.py',
    '../../_base_/schedules/downstream_coclr.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(checkpoint='{{$SSVRL_PRETRAINED:work_dirs/mscl/mscl_r3d18_k400/epoch_200.pth}}')
model = dict(backbone=dict(init_cfg=pretrained), cls_head=dict(num_classes=51))
