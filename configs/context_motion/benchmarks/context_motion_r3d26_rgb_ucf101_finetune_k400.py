# R3D-26 on RGB, pretrained on Kinetics-400 and finetuned on UCF101.
_base_ = [
    '../../_base_/models/r3d26_classifier.py',
    '../../_base_/datasets/ucf101_context_motion_classification.py',
    '../../_base_/schedules/downstream_context_motion.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/context_motion/context_motion_r3d26_k400/epoch_120.pth}}'
)
model = dict(backbone=dict(init_cfg=pretrained))
