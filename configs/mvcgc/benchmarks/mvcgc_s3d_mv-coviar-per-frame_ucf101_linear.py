# Linear probe of motion vectors of the re-encoded videos, not accumulated, on UCF101.
_base_ = [
    '../../_base_/models/s3d_classifier.py',
    '../../_base_/datasets/ucf101_classification.py',
    '../../_base_/schedules/downstream_mvcgc.py',
    '../../_base_/downstream_runtime.py',
]

re_encoded = dict(streams=('motion',), data_prefix=dict(video='gop12'))
train_dataloader = val_dataloader = test_dataloader = dict(dataset=re_encoded)
pretrained = dict(
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/mvcgc/s3d_ucf101_mv-coviar-per-frame_moco/epoch_300.pth}}',
    prefix='backbone_motion.',
)
model = dict(
    type='LinearProbe',
    data_preprocessor=dict(stream='motion'),
    backbone=dict(in_channels=2, init_cfg=pretrained),
    # As CoCLR probes.
    cls_head=dict(feature_norm=('l2', 'batch'), dropout_ratio=0),
)
train_cfg = dict(max_epochs=100, val_interval=1)
