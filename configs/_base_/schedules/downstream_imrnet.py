# Finetuning in IMRNet, on UCF101: half-period cosine after 30 epochs of warm-up. (On HMDB51: 300
# epochs.) The paper does not give the learning rate.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=500, val_interval=10)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, end=30, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', T_max=470, begin=30, end=500, convert_to_iter_based=True),
]

# Batches of 100 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=100)
