# S3D on optical flow, finetuned on UCF101; pretrained on flow, or on motion vectors, whose unit it has.
_base_ = [
    '../../_base_/models/s3d_classifier.py',
    '../../_base_/datasets/ucf101_classification_flow.py',
    '../../_base_/schedules/downstream_mvcgc.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(
    backbone=dict(in_channels=2, init_cfg=dict(prefix='backbone_motion.')),
    data_preprocessor=dict(stream='motion'),
)
