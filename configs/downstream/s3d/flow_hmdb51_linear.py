# Linear probe of S3D on optical flow, on HMDB51.
_base_ = './flow_hmdb51_finetune.py'

model = dict(
    type='LinearProbe',
    # As CoCLR probes.
    cls_head=dict(feature_norm=('l2', 'batch'), dropout_ratio=0),
)
train_cfg = dict(max_epochs=100, val_interval=1)
