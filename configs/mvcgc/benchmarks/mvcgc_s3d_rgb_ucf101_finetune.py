# RGB, finetuned on UCF101.
_base_ = [
    '../../_base_/models/s3d_classifier.py',
    '../../_base_/datasets/ucf101_classification.py',
    '../../_base_/schedules/downstream_mvcgc.py',
    '../../_base_/downstream_runtime.py',
]
