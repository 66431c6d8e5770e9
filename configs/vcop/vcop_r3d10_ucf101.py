# VCOP on UCF101 with R3D-10.
_base_ = [
    '../_base_/models/vcop_r3d10.py',
    '../_base_/datasets/ucf101_clip_order.py',
    '../_base_/datasets/ucf101_segment_order_retrieval.py',
    '../_base_/schedules/vcop.py',
    '../_base_/default_runtime.py',
]
