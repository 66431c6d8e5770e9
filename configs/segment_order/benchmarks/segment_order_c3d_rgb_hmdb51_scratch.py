# Table II: C3D, trained on HMDB51 from random weights.
_base_ = [
    '../../_base_/models/segment_order_c3d_classifier.py',
    '../../_base_/datasets/hmdb51_segment_order_classification.py',
    '../../_base_/schedules/downstream_vcop.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(backbone=dict(init_cfg=None), cls_head=dict(num_classes=51))
default_hooks = dict(checkpoint=_base_.keep_best)
