# R(2+1)D-26 on RGB, pretrained on Kinetics-400 and finetuned on UCF101.
_base_ = [
    '../../_base_/models/r2plus1d26_classifier.py',
    '../../_base_/datasets/ucf101_context_motion_classification.py',
    '../../_base_/schedules/downstream_context_motion_convergence.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/context_motion/context_motion_r2plus1d26_k400/epoch_120.pth}}'
)
model = dict(backbone=dict(init_cfg=pretrained))

# Table 3: with the paper's ten clips after each of its epochs, whose checkpoints stay.
val_dataloader = dict(dataset=dict(pipeline=_base_.test_protocols.ten_clips))
default_hooks = dict(checkpoint=dict(max_keep_ckpts=1, keep_epochs=_base_.epochs))
