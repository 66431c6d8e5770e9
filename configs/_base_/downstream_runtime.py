_base_ = './default_runtime.py'

custom_hooks = [
    # A test of weights that nobody trained ends in an error, not in figures.
    dict(type='StrictCheckpointHook'),
    dict(type='InitBeforeTestHook'),
    # A learning rate that follows the validation misses none of it after resuming.
    dict(type='ValidateOnResumeHook'),
]
