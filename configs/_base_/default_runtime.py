default_scope = 'ssvrl_mm'

default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=5, max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # A run that is stopped and resumed ends where an uninterrupted one does.
    iteration_seed=dict(type='IterationSeedHook'),
    # Models whose training goes through stages follow the epoch.
    set_epoch=dict(type='SetEpochHook'),
    sync_norm_stats=dict(type='SyncNormStatsHook'),
    # No run goes on in silence with other weights than it was given, without data or with NaN.
    strict_checkpoint=dict(type='StrictCheckpointHook'),
    training_amount=dict(type='TrainingAmountHook'),
    recordings=dict(type='RecordingsHook'),
    finite_loss=dict(type='FiniteLossHook'),
)

env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
randomness = dict(seed=0)

log_level = 'INFO'
log_processor = dict(type='LogProcessor', window_size=20, by_epoch=True)
# Scalars go to vis_data/scalars.json and to TensorBoard.
vis_backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
visualizer = dict(type='Visualizer', vis_backends=vis_backends)

load_from = None
resume = False
