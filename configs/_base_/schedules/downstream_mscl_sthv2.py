# Finetuning on Something-Something V2 as the released code of MSCL does.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=22, val_interval=2)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='SGD', lr=0.12, momentum=0.9, weight_decay=1e-6),
    clip_grad=dict(max_norm=40, norm_type=2),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[14, 18], gamma=0.1)]

# 1 GPU x 32 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=32)
