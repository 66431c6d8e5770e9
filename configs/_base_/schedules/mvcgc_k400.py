# Each stream alone for 200 epochs, then cross guidance for 50, in one run.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=250)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='Adam', lr=1e-4, weight_decay=1e-5),
)
# The paper divides the learning rate by 10 twice when the validation loss plateaus. The places are
# fixed here, so that a run does not depend on what a validation happens to give.
# Stage 2 starts again from the full rate.
param_scheduler = [
    dict(type='MultiStepLR', milestones=[150, 180], gamma=0.1),
    dict(type='MultiStepLR', milestones=[200], gamma=100),
    dict(type='MultiStepLR', milestones=[230, 240], gamma=0.1),
]

# 4 GPUs x 32 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=128)
