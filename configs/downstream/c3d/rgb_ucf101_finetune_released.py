# As the released code of Context-Motion Decoupling finetunes C3D on UCF101: warm-up, Nesterov momentum,
# clipped gradients. (It also rotates clips by up to 10 degrees, which is left out here.)
_base_ = './rgb_ucf101_finetune.py'

pretrained = dict(checkpoint='work_dirs/c3d_ucf101_released/epoch_120.pth')
model = dict(backbone=dict(init_cfg=pretrained))
optim_wrapper = dict(optimizer=dict(nesterov=True), clip_grad=dict(max_norm=15))
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.04,
        begin=0,
        end=10,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=110,
        eta_min=1e-6 * 8,
        begin=10,
        end=120,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
