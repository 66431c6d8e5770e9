# SGD with half-period cosine, 20 epochs of which 5 are warm-up; 4 GPUs x 25 videos.
max_epochs, warm_up = 20, 5
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    # The paper gives no learning rate.
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.01,
        begin=0,
        end=warm_up,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - warm_up,
        begin=warm_up,
        end=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]

# `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=100)
