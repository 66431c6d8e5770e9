# Linear probe of RGB on HMDB51, pretrained on Kinetics-400.
_base_ = [
    '../../_base_/models/s3d_classifier.py',
    '../../_base_/datasets/hmdb51_classification.py',
    '../../_base_/schedules/downstream_mvcgc.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(checkpoint='{{$SSVRL_PRETRAINED:work_dirs/mvcgc/s3d_k400/epoch_250.pth}}')
model = dict(
    type='LinearProbe',
    backbone=dict(init_cfg=pretrained),
    # As CoCLR probes.
    cls_head=dict(num_classes=51, feature_norm=('l2', 'batch'), dropout_ratio=0),
)
train_cfg = dict(max_epochs=100, val_interval=1)
