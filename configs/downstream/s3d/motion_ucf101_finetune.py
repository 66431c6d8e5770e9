# S3D on motion vectors, finetuned on UCF101.
_base_ = [
    '../../_base_/models/s3d_classifier.py',
    '../../_base_/datasets/ucf101_classification_motion.py',
    '../../_base_/schedules/downstream_mvcgc.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(
    backbone=dict(in_channels=2, init_cfg=dict(prefix='backbone_motion.')),
    data_preprocessor=dict(stream='motion'),
)
