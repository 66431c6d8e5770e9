# Finetuning as the code of VCOP does: learning rate 1e-3 throughout, all weights alike. The checkpoint with the
# lowest loss on the videos held out is the one to test: default_hooks = dict(checkpoint=_base_.keep_best).
keep_best = dict(save_best='acc/loss', rule='less')
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=150, val_interval=1)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4),
)
param_scheduler = None

# 1 GPU x 8 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=8)
