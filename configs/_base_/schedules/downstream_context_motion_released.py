# As the released code of Context-Motion Decoupling finetunes on UCF101: warm-up over 10 epochs, Nesterov
# momentum, clipped gradients.
_base_ = './downstream_context_motion.py'

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
