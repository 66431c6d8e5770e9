# What the model zoo is trained by: the rate falls by a cosine over as many epochs as there are, so that
# `train_cfg.max_epochs` alone makes a run shorter; one validation, at the end. A config says how many epochs.
train_cfg = dict(type='EpochBasedTrainLoop', val_interval=1000)
optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='Adam', lr=1e-3, weight_decay=1e-5),
)
param_scheduler = [dict(type='CosineAnnealingLR', convert_to_iter_based=True)]
auto_scale_lr = dict(enable=False, base_batch_size=32)
