# Finetuning after segment order prediction. The paper gives the schedule of pretraining alone, which
# is taken over: 300 epochs, a tenth of the learning rate from 200 on, batches of 16.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=300, val_interval=10)

optim_wrapper = dict(
    type='DeviceAmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[200], gamma=0.1)]

# 1 GPU x 16 videos; `tools/train.py --auto-scale-lr` scales for other batches.
auto_scale_lr = dict(enable=False, base_batch_size=16)
