# C3D on RGB and R3D-10 on motion vectors, finetuned on UCF101, probabilities averaged.
_base_ = [
    '../../_base_/models/c3d_two_view.py',
    '../../_base_/datasets/ucf101_classification_context_motion_two_view.py',
    '../../_base_/schedules/downstream_context_motion.py',
    '../../_base_/downstream_runtime.py',
]
