# Stage 2 of MVCGC on UCF101: cross guidance for 200 epochs.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=200, val_begin=100, val_interval=100)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='Adam', lr=1e-4, weight_decay=1e-5),
)
# The paper divides the learning rate by 10 twice when the validation loss plateaus. The places are
# fixed here, so that a run does not depend on what a validation happens to give.
param_scheduler = [dict(type='MultiStepLR', milestones=[150, 180], gamma=0.1)]

# 4 GPUs x 32 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=128)
