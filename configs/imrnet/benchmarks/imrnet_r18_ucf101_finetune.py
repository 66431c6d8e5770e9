# IMRNet of 18 layers, pretrained without labels and finetuned on UCF101 (Table 3).
_base_ = [
    '../../_base_/models/imrnet_r18_classifier.py',
    '../../_base_/datasets/ucf101_imrnet_classification.py',
    '../../_base_/schedules/downstream_imrnet.py',
    '../../_base_/downstream_runtime.py',
]
