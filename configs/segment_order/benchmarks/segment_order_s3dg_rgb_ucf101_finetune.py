# S3D-G, finetuned on UCF101 by clips of 16 consecutive frames.
_base_ = [
    '../../_base_/models/segment_order_s3dg_classifier.py',
    '../../_base_/datasets/ucf101_segment_order_classification.py',
    '../../_base_/schedules/downstream_vcop.py',
    '../../_base_/downstream_runtime.py',
]

default_hooks = dict(checkpoint=_base_.keep_best)
