# VCOP on UCF101 with R(2+1)D-10.
_base_ = [
    '../_base_/models/vcop_r2plus1d10.py',
    '../_base_/datasets/ucf101_clip_order.py',
    '../_base_/datasets/ucf101_segment_order_retrieval.py',
    '../_base_/schedules/vcop.py',
    '../_base_/default_runtime.py',
]
