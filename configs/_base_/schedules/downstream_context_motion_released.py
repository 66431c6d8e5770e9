# As the released code of Context-Motion Decoupling finetunes on UCF101: warm-up over 10 epochs, Nesterov
# momentum. (Its setting for clipped gradients is used nowhere.)
_base_ = './downstream_context_motion.py'

optim_wrapper = dict(optimizer=dict(nesterov=True))
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.04,
        begin=0,
        end=10,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    # Epoch by epoch, one step down in the eleventh already; the end is not scaled by the batch.
    dict(
        type='CosineAnnealingLR',
        T_max=110,
        eta_min=1e-6,
        begin=9,
        end=120,
        by_epoch=True,
    ),
]
