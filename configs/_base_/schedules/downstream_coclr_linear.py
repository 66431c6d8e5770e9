# Linear probes as the code of CoCLR trains them end to end (its README).
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100, val_interval=5)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-3),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[60, 80], gamma=0.1)]

# 2 GPUs x 32 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=64)
