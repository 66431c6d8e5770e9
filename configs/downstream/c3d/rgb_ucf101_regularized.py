# C3D on RGB, trained on UCF101 from random weights and regularised by motion prediction (Table 6).
_base_ = [
    '../../_base_/models/c3d_regularized.py',
    '../../_base_/datasets/ucf101_classification_motion_target.py',
    '../../_base_/schedules/downstream_context_motion.py',
    '../../_base_/downstream_runtime.py',
]
