# IMRNet of 50 layers and I3D on optical flow on Kinetics-400 with labels, trained together (Table 1).
_base_ = [
    '../_base_/models/imrnet_r50_i3d_classifier.py',
    '../_base_/datasets/kinetics400_imrnet_classification.py',
    '../_base_/datasets/optical_flow.py',
    '../_base_/schedules/imrnet.py',
    '../_base_/default_runtime.py',
]

model = dict(backbone=dict(init_cfg=None), cls_head=dict(num_classes=400))
train_dataloader = val_dataloader = test_dataloader = dict(
    dataset=dict(streams=('iframe', 'motion', 'residual', 'flow'), reader_options=_base_.flow)
)

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
