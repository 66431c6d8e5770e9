# Context-Motion Decoupling of R3D-26 on UCF101.
_base_ = [
    '../_base_/models/context_motion_r3d26.py',
    '../_base_/datasets/ucf101_context_motion.py',
    '../_base_/datasets/ucf101_context_motion_retrieval.py',
    '../_base_/schedules/context_motion.py',
    '../_base_/default_runtime.py',
]
