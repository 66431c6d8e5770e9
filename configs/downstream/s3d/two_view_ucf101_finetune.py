# S3D on RGB and S3D on motion vectors, finetuned on UCF101, probabilities averaged.
_base_ = [
    '../../_base_/models/s3d_two_view.py',
    '../../_base_/datasets/ucf101_classification_two_view.py',
    '../../_base_/schedules/downstream_mvcgc.py',
    '../../_base_/downstream_runtime.py',
]
