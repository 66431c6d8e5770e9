# Finetuning in IMRNet, on UCF101: 500 epochs of which 30 are warm-up, half-period cosine.
max_epochs = 500
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=10)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    # The paper gives no learning rate. From random weights it is 0.1.
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4),
)
warm_up = dict(
    type='LinearLR', start_factor=0.01, begin=0, end=30, by_epoch=True, convert_to_iter_based=True
)
cosine = dict(
    type='CosineAnnealingLR',
    T_max=max_epochs - 30,
    begin=30,
    end=max_epochs,
    by_epoch=True,
    convert_to_iter_based=True,
)
param_scheduler = [warm_up, cosine]

# 4 GPUs x 25 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=100)
