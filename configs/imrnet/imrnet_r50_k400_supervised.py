# IMRNet of 50 layers on Kinetics-400 with labels (Table 1).
_base_ = [
    '../_base_/models/imrnet_r50_classifier.py',
    '../_base_/datasets/kinetics400_imrnet_classification.py',
    '../_base_/schedules/imrnet.py',
    '../_base_/default_runtime.py',
]

model = dict(backbone=dict(init_cfg=None), cls_head=dict(num_classes=400))

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
