# SGD with half-period cosine over 200 epochs; a config says how many there are otherwise.
max_epochs = 200
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_begin=100, val_interval=100)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=max_epochs, by_epoch=True, convert_to_iter_based=True)
]

# 4 GPUs x 32 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=128)
