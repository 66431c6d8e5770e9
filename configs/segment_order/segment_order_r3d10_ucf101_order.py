# Table VIII: R3D-10 on UCF101 by the order of segments alone.
_base_ = [
    '../_base_/models/segment_order_r3d10.py',
    '../_base_/datasets/ucf101_segment_order.py',
    '../_base_/datasets/ucf101_segment_order_retrieval.py',
    '../_base_/schedules/segment_order.py',
    '../_base_/default_runtime.py',
]

model = dict(rate=None, head=None, view_generator=None)
train_dataloader = dict(dataset=dict(pipeline=_base_.one_clip_pipeline))
