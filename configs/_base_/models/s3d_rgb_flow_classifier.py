# A classifier of RGB and one of optical flow, both S3D, whose probabilities are averaged.
_base_ = './s3d_classifier.py'

rgb = _base_.model
init_cfg = dict(rgb.backbone.init_cfg, prefix='backbone_flow.')
flow_classifier = dict(
    rgb,
    backbone=dict(rgb.backbone, in_channels=2, init_cfg=init_cfg),
    data_preprocessor=dict(rgb.data_preprocessor, stream='flow'),
)
model = dict(
    _delete_=True, type='LateFusionRecognizer', classifiers=dict(rgb=rgb, flow=flow_classifier)
)
del rgb, init_cfg, flow_classifier
