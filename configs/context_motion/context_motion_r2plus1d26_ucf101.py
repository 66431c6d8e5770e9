# Context-Motion Decoupling of R(2+1)D-26 on UCF101.
_base_ = [
    '../_base_/models/context_motion_r2plus1d26.py',
    '../_base_/datasets/ucf101_context_motion.py',
    '../_base_/datasets/ucf101_context_motion_retrieval.py',
    '../_base_/schedules/context_motion.py',
    '../_base_/default_runtime.py',
]
