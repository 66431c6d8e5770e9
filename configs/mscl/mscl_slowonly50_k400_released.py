# MSCL on Kinetics-400 with SlowOnly-50 as its released code trains it.
_base_ = [
    '../_base_/models/mscl_slowonly50_released.py',
    '../_base_/datasets/kinetics400_mscl_released.py',
    '../_base_/schedules/mscl.py',
    '../_base_/default_runtime.py',
]

max_epochs = 200
read_clips = [
    dict(step, size=224) if step.type == 'ClipRandomResizedCrop' else step
    for step in _base_.read_clips
]
train_dataloader = dict(
    # 32 in all on 4 GPUs.
    batch_size=8,
    dataset=dict(pipeline=[_base_.open_video, _base_.sample_motion, *read_clips]),
)
optim_wrapper = dict(optimizer=dict(lr=0.0075), clip_grad=dict(max_norm=40, norm_type=2))
auto_scale_lr = dict(base_batch_size=32)

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
