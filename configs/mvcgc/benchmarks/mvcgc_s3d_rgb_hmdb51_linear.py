# Linear probe of RGB on HMDB51.
_base_ = [
    '../../_base_/models/s3d_classifier.py',
    '../../_base_/datasets/hmdb51_classification.py',
    '../../_base_/schedules/downstream_mvcgc.py',
    '../../_base_/downstream_runtime.py',
]

# As CoCLR probes.
model = dict(
    type='LinearProbe', cls_head=dict(num_classes=51, feature_norm=('l2', 'batch'), dropout_ratio=0)
)
train_cfg = dict(max_epochs=100, val_interval=1)
