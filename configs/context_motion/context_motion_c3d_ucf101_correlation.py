# Table 7: how both pretext tasks and retrieval on HMDB51 go together, after some of the epochs.
_base_ = './context_motion_c3d_ucf101.py'

epochs = (1, 5, 10, 20, 50, 120)
train_cfg = dict(
    val_begin=1,
    val_interval=epochs[0],
    # Two epochs after one of them the next one becomes the interval: mmengine looks an epoch ahead.
    dynamic_intervals=[
        (last + 2, epoch) for last, epoch in zip(epochs[:-1], epochs[1:], strict=True)
    ],
)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=1, keep_epochs=epochs))
# A run that was stopped during one of them makes up for it.
custom_hooks = [dict(type='ValidateOnResumeHook')]

val_dataloader = test_dataloader = dict(dataset=dict(data_root='{{$SSVRL_DATA:data}}/hmdb51'))
