# As the released code finetunes R3D-26 on UCF101: warm-up, Nesterov momentum. (It also rotates clips by up to 10
# degrees, which is left out here.) Its ResNets have a max pooling after the stem.
_base_ = [
    '../../_base_/models/r3d26_classifier.py',
    '../../_base_/datasets/ucf101_context_motion_classification.py',
    '../../_base_/schedules/downstream_context_motion_released.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/context_motion/context_motion_r3d26_ucf101_released/epoch_120.pth}}'
)
model = dict(backbone=dict(stem_pool=True, init_cfg=pretrained))
