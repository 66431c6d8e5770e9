# Linear probe of R3D-18 on RGB on HMDB51 by clips of 16 frames.
_base_ = [
    '../../_base_/models/r3d18_classifier.py',
    '../../_base_/datasets/hmdb51_mscl_classification.py',
    '../../_base_/schedules/downstream_coclr_linear.py',
    '../../_base_/downstream_runtime.py',
]

# As CoCLR probes.
model = dict(
    type='LinearProbe', cls_head=dict(num_classes=51, feature_norm=('l2', 'batch'), dropout_ratio=0)
)
