# As the released code finetunes C3D on UCF101: warm-up, Nesterov momentum. (It also rotates clips by up to 10
# degrees, which is left out here.) Its convolutions have biases beside BatchNorm.
_base_ = [
    '../../_base_/models/c3d_classifier.py',
    '../../_base_/datasets/ucf101_context_motion_classification.py',
    '../../_base_/schedules/downstream_context_motion_released.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/context_motion/context_motion_c3d_ucf101_released/epoch_120.pth}}'
)
model = dict(backbone=dict(bias=True, init_cfg=pretrained))
