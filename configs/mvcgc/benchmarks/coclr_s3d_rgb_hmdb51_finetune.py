# RGB of CoCLR, finetuned on HMDB51 with its schedule.
_base_ = [
    '../../_base_/models/s3d_classifier.py',
    '../../_base_/datasets/hmdb51_classification.py',
    '../../_base_/schedules/downstream_coclr.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(checkpoint='{{$SSVRL_PRETRAINED:work_dirs/mvcgc/coclr_s3d_ucf101/epoch_700.pth}}')
model = dict(backbone=dict(init_cfg=pretrained), cls_head=dict(num_classes=51))
