# Linear probe of R3D-18 on RGB on UCF101 by clips of 16 frames, pretrained on Kinetics-400.
_base_ = [
    '../../_base_/models/r3d18_classifier.py',
    '../../_base_/datasets/ucf101_mscl_classification.py',
    '../../_base_/schedules/downstream_coclr_linear.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(checkpoint='{{$SSVRL_PRETRAINED:work_dirs/mscl/mscl_r3d18_k400/epoch_200.pth}}')
# As CoCLR probes.
model = dict(
    type='LinearProbe',
    backbone=dict(init_cfg=pretrained),
    cls_head=dict(feature_norm=('l2', 'batch'), dropout_ratio=0),
)
