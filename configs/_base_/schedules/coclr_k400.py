# Each stream alone for 300 epochs; then one cycle of co-training, in which RGB and flow are trained for 50
# epochs each while the other one guides: as the README of CoCLR's code has it.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=400)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='Adam', lr=1e-3, weight_decay=1e-5),
)
# The learning rate falls towards the end of every phase, and the next one starts at the full rate.
param_scheduler = [
    dict(type='MultiStepLR', milestones=[250, 280], gamma=0.1),
    dict(type='MultiStepLR', milestones=[300], gamma=100),
    dict(type='MultiStepLR', milestones=[340, 390], gamma=0.1),
    dict(type='MultiStepLR', milestones=[350], gamma=10),
]

# 4 GPUs x 32 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=128)
