# Each stream alone for 300 epochs; then two cycles of co-training, in which RGB and motion are
# trained for 100 epochs each while the other one guides.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=700, val_begin=300, val_interval=200)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='Adam', lr=1e-4, weight_decay=1e-5),
)
# The learning rate falls towards the end of every phase, and the next one starts at the full rate.
param_scheduler = [
    dict(type='MultiStepLR', milestones=[250, 280], gamma=0.1),
    dict(type='MultiStepLR', milestones=[300], gamma=100),
    dict(type='MultiStepLR', milestones=[380, 480, 580, 680], gamma=0.1),
    dict(type='MultiStepLR', milestones=[400, 500, 600], gamma=10),
]

# 4 GPUs x 32 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=128)
