# Segment order on UCF101 with S3D-G: order, rates, contrast by shuffle similarity, synthesised views.
_base_ = [
    '../_base_/models/segment_order_s3dg.py',
    '../_base_/datasets/ucf101_segment_order.py',
    '../_base_/schedules/segment_order.py',
    '../_base_/default_runtime.py',
]
