# Finetuning in Context-Motion Decoupling, on UCF101: learning rate 1e-4 x batch of 8, cosine. (On
# HMDB51: 2e-4 x batch, weight decay 2e-3.)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=120, val_interval=5)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='SGD', lr=8e-4, momentum=0.9, weight_decay=3e-3),
)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=120, convert_to_iter_based=True)]

# 1 GPU x 8 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=8)
