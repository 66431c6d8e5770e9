# IMRNet of 18 layers on UCF101 from random weights (Table 1, Table 3).
_base_ = [
    '../../_base_/models/imrnet_r18_classifier.py',
    '../../_base_/datasets/ucf101_imrnet_classification.py',
    '../../_base_/schedules/downstream_imrnet.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(backbone=dict(init_cfg=None))
optim_wrapper = dict(optimizer=dict(lr=0.1))
