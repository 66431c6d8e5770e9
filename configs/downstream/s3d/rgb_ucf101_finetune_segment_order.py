# S3D on RGB, finetuned on UCF101 as after segment order prediction; ten uniform clips at test.
_base_ = [
    '../../_base_/models/s3d_classifier.py',
    '../../_base_/datasets/ucf101_classification.py',
    '../../_base_/schedules/downstream_segment_order.py',
    '../../_base_/downstream_runtime.py',
]

train_dataloader = dict(batch_size=16)
test_dataloader = dict(dataset=dict(pipeline=_base_.test_protocols.ten_clips))
