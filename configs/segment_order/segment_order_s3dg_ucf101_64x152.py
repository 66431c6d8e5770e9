# Table X: S3D-G on UCF101 by clips of 64 frames of 152 x 152.
_base_ = [
    '../_base_/models/segment_order_s3dg.py',
    '../_base_/datasets/ucf101_segment_order.py',
    '../_base_/schedules/segment_order.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(dataset=dict(pipeline=_base_.clips_64x152))
