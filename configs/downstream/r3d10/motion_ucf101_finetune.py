# R3D-10 on motion vectors, the M-network of Context-Motion Decoupling, finetuned on UCF101.
_base_ = [
    '../../_base_/models/c3d_classifier.py',
    '../../_base_/datasets/ucf101_classification_m_network.py',
    '../../_base_/schedules/downstream_context_motion.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(_base_.model.backbone.init_cfg, prefix='backbone_motion.')
resnet = dict(type='VideoResNet', arch='r3d', depth=10, in_channels=2, init_cfg=pretrained)
model = dict(data_preprocessor=dict(stream='motion'), backbone=dict(_delete_=True, **resnet))
