# Finetuning as the code of CoCLR does (its README and the defaults of its options): the backbone
# learns at a tenth of the classifier's rate.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=500, val_interval=10)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='Adam', lr=1e-3, weight_decay=1e-3),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[400, 450], gamma=0.1)]

# 2 GPUs x 32 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=64)
