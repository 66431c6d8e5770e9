# IMRNet of 50 layers, pretrained on Kinetics-400 with labels and finetuned on HMDB51 (Table 1).
_base_ = [
    '../../_base_/models/imrnet_r50_classifier.py',
    '../../_base_/datasets/hmdb51_imrnet_classification.py',
    '../../_base_/schedules/downstream_imrnet_hmdb51.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(cls_head=dict(num_classes=51))
