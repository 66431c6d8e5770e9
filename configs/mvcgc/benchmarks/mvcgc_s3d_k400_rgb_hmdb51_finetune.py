# RGB, finetuned on HMDB51, pretrained on Kinetics-400.
_base_ = [
    '../../_base_/models/s3d_classifier.py',
    '../../_base_/datasets/hmdb51_classification.py',
    '../../_base_/schedules/downstream_mvcgc.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(checkpoint='{{$SSVRL_PRETRAINED:work_dirs/mvcgc/s3d_k400/epoch_250.pth}}')
model = dict(backbone=dict(init_cfg=pretrained), cls_head=dict(num_classes=51))
