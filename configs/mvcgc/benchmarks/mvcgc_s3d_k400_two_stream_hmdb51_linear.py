# Linear probes of RGB and of motion vectors on HMDB51, probabilities averaged, pretrained on Kinetics-400.
_base_ = [
    '../../_base_/models/s3d_two_stream_classifier.py',
    '../../_base_/datasets/hmdb51_classification.py',
    '../../_base_/schedules/downstream_mvcgc.py',
    '../../_base_/downstream_runtime.py',
]

train_dataloader = val_dataloader = test_dataloader = dict(dataset=dict(streams=('rgb', 'motion')))
pretrained = dict(checkpoint='{{$SSVRL_PRETRAINED:work_dirs/mvcgc/s3d_k400/epoch_250.pth}}')
# As CoCLR probes.
probe = dict(
    type='LinearProbe',
    backbone=dict(init_cfg=pretrained),
    cls_head=dict(num_classes=51, feature_norm=('l2', 'batch'), dropout_ratio=0),
)
model = dict(classifiers=dict(rgb=probe, motion=probe))
train_cfg = dict(max_epochs=100, val_interval=1)
