# IMRNet of 18 layers, pretrained on Kinetics-400 with labels and finetuned on HMDB51 (Table 1).
_base_ = [
    '../../_base_/models/imrnet_r18_classifier.py',
    '../../_base_/datasets/hmdb51_imrnet_classification.py',
    '../../_base_/schedules/downstream_imrnet_hmdb51.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/imrnet/imrnet_r18_k400_supervised/epoch_20.pth}}'
)
model = dict(backbone=dict(init_cfg=pretrained), cls_head=dict(num_classes=51))
