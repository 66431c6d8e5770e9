# Context-Motion Decoupling of R(2+1)D-26 on UCF101, encoded anew as MPEG-4 as in the paper.
_base_ = [
    '../_base_/models/context_motion_r2plus1d26.py',
    '../_base_/datasets/ucf101_context_motion_gop12.py',
    '../_base_/schedules/context_motion.py',
    '../_base_/default_runtime.py',
]
