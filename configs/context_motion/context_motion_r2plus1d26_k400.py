# Context-Motion Decoupling of R(2+1)D-26 on Kinetics-400: 32 GPUs x 16 videos.
_base_ = [
    '../_base_/models/context_motion_r2plus1d26.py',
    '../_base_/datasets/kinetics400_context_motion.py',
    '../_base_/datasets/ucf101_context_motion_retrieval.py',
    '../_base_/schedules/context_motion.py',
    '../_base_/default_runtime.py',
]

optim_wrapper = dict(optimizer=dict(lr=5e-4 * 512))
auto_scale_lr = dict(base_batch_size=512)

# Training needs no other dataset than Kinetics-400.
val_dataloader = None
val_evaluator = None
val_cfg = None

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
