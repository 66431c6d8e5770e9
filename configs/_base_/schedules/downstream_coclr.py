# Finetuning as the code of CoCLR does: the backbone learns at a tenth of the classifier's rate.
# The falls are those of its linear probe (at 60 % and 80 %); those of finetuning are not given.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=500, val_interval=10)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-3),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[300, 400], gamma=0.1)]

# 4 GPUs x 32 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=128)
