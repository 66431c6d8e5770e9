# What the released code trains with: warm-up, Nesterov momentum, clipped gradients, a fifth of the
# paper's weight decay.
_base_ = './context_motion.py'

optim_wrapper = dict(optimizer=dict(nesterov=True, weight_decay=1e-3), clip_grad=dict(max_norm=15))
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        begin=0,
        end=5,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    # Epoch by epoch, one step down in the sixth already: the last one has a rate of 0.
    dict(
        type='CosineAnnealingLR',
        T_max=_base_.max_epochs - 5,
        begin=4,
        end=_base_.max_epochs,
        by_epoch=True,
    ),
]
