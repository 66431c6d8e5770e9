# CoViAR as its released code trains the network of I-frames on UCF101: Adam, 510 epochs, the rate falls to a
# tenth three times. In float32: mmaction2 logs accuracies of scores that numpy has to know.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=510, val_interval=10)

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=3e-4, weight_decay=1e-4, eps=1e-3),
    # What starts from weights of ImageNet learns slowly.
    paramwise_cfg=dict(custom_keys={'backbone': dict(lr_mult=0.01)}),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[150, 270, 390], gamma=0.1)]

# `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=80)
