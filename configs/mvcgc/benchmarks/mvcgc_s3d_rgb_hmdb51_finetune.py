# RGB, finetuned on HMDB51.
_base_ = [
    '../../_base_/models/s3d_classifier.py',
    '../../_base_/datasets/hmdb51_classification.py',
    '../../_base_/schedules/downstream_mvcgc.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(cls_head=dict(num_classes=51))
