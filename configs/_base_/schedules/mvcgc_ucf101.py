# Each stream alone for 300 epochs, then cross guidance for 200, in one run.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=500, val_begin=300, val_interval=100)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='Adam', lr=1e-4, weight_decay=1e-5),
)
# The paper divides the learning rate by 10 twice when the validation loss plateaus. The places are
# fixed here, so that a run does not depend on what a validation happens to give.
# Stage 2 starts again from the full rate.
param_scheduler = [
    dict(type='MultiStepLR', milestones=[250, 280], gamma=0.1),
    dict(type='MultiStepLR', milestones=[300], gamma=100),
    dict(type='MultiStepLR', milestones=[450, 480], gamma=0.1),
]

# 4 GPUs x 32 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=128)
