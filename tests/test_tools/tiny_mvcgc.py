# MVCGC's UCF101 config shrunk to seconds: the first epoch in stage 1, the second in stage 2.
_base_ = ['../../configs/mvcgc/s3d_ucf101.py']

custom_imports = dict(imports=['extra_hooks'])

tiny = dict(type='S3D', width=0.125, spatial_strides=(2, 1, 2, 2, 1))
model = dict(
    backbone_rgb=tiny,
    backbone_motion=tiny,
    head=dict(
        projector=dict(in_channels=128, hidden_channels=16, out_channels=8),
        queue_length=4,
        momentum=0.9,
    ),
    cross_guidance_from=1,
)

train_pipeline = _base_.train_pipeline
train_pipeline[1].clip_len = 8
train_pipeline[3].size = 32
test_pipeline = _base_.test_pipeline
test_pipeline[1].update(clip_len=8, num_clips=2)
test_pipeline[3].short_side = 36
test_pipeline[4].size = 32

train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(pipeline=train_pipeline),
)
gallery = dict(_base_.gallery, pipeline=test_pipeline)
query = dict(_base_.query, pipeline=test_pipeline)
test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(datasets=[gallery, query]),
)
val_dataloader = test_dataloader
test_evaluator = dict(topk=(1, 2))
val_evaluator = test_evaluator

train_cfg = dict(max_epochs=2, val_begin=2)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [dict(type='MultiStepLR', milestones=[1], gamma=0.5)]
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=1))
custom_hooks = [
    dict(type='StageSwitchHook'),
    dict(type='KillHook', after_epoch={{'$KILL_AFTER_EPOCH:0'}}),
    dict(type='SaveRankStateHook', enabled={{'$SAVE_RANK_STATE:0'}}),
]
