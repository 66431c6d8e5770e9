# S3D on RGB, finetuned on UCF101 as in Context-Motion Decoupling; ten uniform clips at test.
_base_ = [
    '../../_base_/models/s3d_classifier.py',
    '../../_base_/datasets/ucf101_classification.py',
    '../../_base_/schedules/downstream_context_motion.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(cls_head=dict(dropout_ratio=0.3))
train_dataloader = dict(batch_size=8)
test_dataloader = dict(dataset=dict(pipeline=_base_.test_protocols.ten_clips))
