# R(2+1)D-10 on UCF101 by order, rates and contrast by shuffle similarity, without synthesised views.
_base_ = [
    '../_base_/models/segment_order_r2plus1d10.py',
    '../_base_/datasets/ucf101_segment_order.py',
    '../_base_/datasets/ucf101_segment_order_retrieval.py',
    '../_base_/schedules/segment_order.py',
    '../_base_/default_runtime.py',
]

model = dict(view_generator=None)
