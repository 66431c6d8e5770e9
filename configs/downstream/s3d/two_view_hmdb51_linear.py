# Linear probes of S3D on RGB and motion vectors, on HMDB51, probabilities averaged.
_base_ = './two_view_hmdb51_finetune.py'

probe = dict(type='LinearProbe', cls_head=dict(feature_norm=('l2', 'batch'), dropout_ratio=0))
model = dict(classifiers=dict(rgb=probe, motion=probe))
train_cfg = dict(max_epochs=100, val_interval=1)
