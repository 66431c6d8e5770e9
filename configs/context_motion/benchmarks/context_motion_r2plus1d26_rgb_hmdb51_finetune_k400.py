# R(2+1)D-26 on RGB, pretrained on Kinetics-400 and finetuned on HMDB51.
_base_ = [
    '../../_base_/models/r2plus1d26_classifier.py',
    '../../_base_/datasets/hmdb51_context_motion_classification.py',
    '../../_base_/schedules/downstream_context_motion.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/context_motion/context_motion_r2plus1d26_k400/epoch_120.pth}}'
)
model = dict(backbone=dict(init_cfg=pretrained), cls_head=dict(num_classes=51))
optim_wrapper = dict(optimizer=dict(lr=2e-4 * 8, weight_decay=2e-3))
