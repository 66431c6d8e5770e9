# R3D-18 on RGB, finetuned on HMDB51 by clips of 16 frames.
_base_ = [
    '../../_base_/models/r3d18_classifier.py',
    '../../_base_/datasets/hmdb51_mscl_classification.py',
    '../../_base_/schedules/downstream_coclr.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(cls_head=dict(num_classes=51))
