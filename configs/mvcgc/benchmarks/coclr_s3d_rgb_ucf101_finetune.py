# RGB of CoCLR, finetuned on UCF101 with its schedule.
_base_ = [
    '../../_base_/models/s3d_classifier.py',
    '../../_base_/datasets/ucf101_classification.py',
    '../../_base_/schedules/downstream_coclr.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(checkpoint='{{$SSVRL_PRETRAINED:work_dirs/mvcgc/coclr_s3d_ucf101/epoch_700.pth}}')
model = dict(backbone=dict(init_cfg=pretrained))
