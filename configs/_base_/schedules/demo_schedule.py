# Minutes on a CPU. A config says how many epochs.
train_cfg = dict(type='EpochBasedTrainLoop')
optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='Adam', lr=1e-3, weight_decay=1e-5),
)
auto_scale_lr = dict(enable=False, base_batch_size=32)
