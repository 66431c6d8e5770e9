# IMRNet of 50 layers, pretrained on Kinetics-400 with labels and finetuned on UCF101 (Table 1).
_base_ = [
    '../../_base_/models/imrnet_r50_classifier.py',
    '../../_base_/datasets/ucf101_imrnet_classification.py',
    '../../_base_/schedules/downstream_imrnet.py',
    '../../_base_/downstream_runtime.py',
]
