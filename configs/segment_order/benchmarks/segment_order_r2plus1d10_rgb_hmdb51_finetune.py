# R(2+1)D-10, finetuned on HMDB51 by clips of 16 consecutive frames.
_base_ = [
    '../../_base_/models/segment_order_r2plus1d10_classifier.py',
    '../../_base_/datasets/hmdb51_segment_order_classification.py',
    '../../_base_/schedules/downstream_vcop.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(cls_head=dict(num_classes=51))
default_hooks = dict(checkpoint=_base_.keep_best)
