# S3D on RGB, finetuned on UCF101 with the schedule of CoCLR.
_base_ = [
    '../../_base_/models/s3d_classifier.py',
    '../../_base_/datasets/ucf101_classification.py',
    '../../_base_/schedules/downstream_coclr.py',
    '../../_base_/downstream_runtime.py',
]
