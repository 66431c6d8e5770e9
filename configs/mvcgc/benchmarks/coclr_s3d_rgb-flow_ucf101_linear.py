# Linear probes of RGB and of optical flow of CoCLR on UCF101, probabilities averaged.
_base_ = [
    '../../_base_/models/s3d_rgb_flow_classifier.py',
    '../../_base_/datasets/ucf101_classification.py',
    '../../_base_/datasets/optical_flow.py',
    '../../_base_/schedules/downstream_mvcgc.py',
    '../../_base_/downstream_runtime.py',
]

train_dataloader = val_dataloader = test_dataloader = dict(
    dataset=dict(streams=('rgb', 'flow'), reader_options=_base_.flow)
)
pretrained = dict(
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/mvcgc/coclr_s3d_ucf101_flow/epoch_700.pth}}'
)
# As CoCLR probes.
probe = dict(
    type='LinearProbe',
    backbone=dict(init_cfg=pretrained),
    cls_head=dict(feature_norm=('l2', 'batch'), dropout_ratio=0),
)
model = dict(classifiers=dict(rgb=probe, flow=probe))
train_cfg = dict(max_epochs=100, val_interval=1)
