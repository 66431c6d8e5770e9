# A classifier of RGB and one of motion vectors, both S3D, whose probabilities are averaged.
_base_ = './s3d_classifier.py'

rgb = _base_.model
init_cfg = dict(rgb.backbone.init_cfg, prefix='backbone_motion.')
motion = dict(
    rgb,
    backbone=dict(rgb.backbone, in_channels=2, init_cfg=init_cfg),
    data_preprocessor=dict(rgb.data_preprocessor, stream='motion'),
)
model = dict(_delete_=True, type='LateFusionRecognizer', classifiers=dict(rgb=rgb, motion=motion))
del rgb, init_cfg, motion
