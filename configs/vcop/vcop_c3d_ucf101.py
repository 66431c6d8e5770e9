# VCOP on UCF101 with C3D.
_base_ = [
    '../_base_/models/vcop_c3d.py',
    '../_base_/datasets/ucf101_clip_order.py',
    '../_base_/datasets/ucf101_segment_order_retrieval.py',
    '../_base_/schedules/vcop.py',
    '../_base_/default_runtime.py',
]
