# C3D on RGB, trained on UCF101 from random weights: the baseline of Tables 2 and 6.
_base_ = [
    '../../_base_/models/c3d_classifier.py',
    '../../_base_/datasets/ucf101_context_motion_classification.py',
    '../../_base_/schedules/downstream_context_motion.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(backbone=dict(init_cfg=None))
