# Finetuning in MVCGC: 500 epochs; the learning rate falls to a tenth twice, when the validation loss
# stays where it is. Linear probes are trained for 100.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=500, val_interval=5)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-3),
)
# Patience is counted in validations; the paper does not give it.
param_scheduler = [
    dict(
        type='ReduceOnPlateauLR',
        monitor='acc/loss',
        rule='less',
        factor=0.1,
        patience=10,
        min_value=1e-3,
    )
]

# 4 GPUs x 32 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=128)
