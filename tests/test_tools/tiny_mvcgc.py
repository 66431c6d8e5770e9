# MVCGC's UCF101 config shrunk to seconds: the first epoch in stage 1, the second in stage 2.
_base_ = ['../../configs/mvcgc/s3d_ucf101.py']

custom_imports = dict(imports=['extra_hooks'])

tiny = dict(type='S3D', width=0.125, spatial_strides=(2, 1, 2, 2, 1))
model = dict(
    backbones=dict(rgb=tiny, motion=tiny),
    head=dict(
        projector=dict(in_channels=128, hidden_channels=16, out_channels=8),
        queue_length=4,
        momentum=0.9,
    ),
    stages=[(0, 'init'), (1, 'cross')],
)

small = dict(
    SampleClips=dict(clip_len=8),
    ClipRandomResizedCrop=dict(size=32),
    ClipResize=dict(short_side=36),
    ClipCenterCrop=dict(size=32),
)
train_pipeline = [dict(step, **small.get(step.type, {})) for step in _base_.train_pipeline]
small['SampleClips'].update(num_clips=2)
test_pipeline = [dict(step, **small.get(step.type, {})) for step in _base_.test_pipeline]
del small

loader = dict(batch_size=2, num_workers=0, persistent_workers=False)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline, group=None), **loader)
test_dataloader = dict(dataset=dict(pipeline=test_pipeline), **loader)
val_dataloader = test_dataloader
test_evaluator = dict(topk=(1, 2))
val_evaluator = test_evaluator

train_cfg = dict(max_epochs=2, val_begin=2)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [dict(type='MultiStepLR', milestones=[1], gamma=0.5)]
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=1))
custom_hooks = [
    dict(type='KillHook', after_epoch={{'$KILL_AFTER_EPOCH:0'}}),
    dict(type='FailHook', rank={{'$FAIL_ON_RANK:-1'}}),
    dict(type='SaveRankStateHook', enabled={{'$SAVE_RANK_STATE:0'}}),
]
