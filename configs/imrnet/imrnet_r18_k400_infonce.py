# Table 3: IMRNet of 18 layers on Kinetics-400 by InfoNCE between two clips of a video.
_base_ = [
    '../_base_/models/imrnet_r18.py',
    '../_base_/datasets/kinetics400_imrnet.py',
    '../_base_/schedules/imrnet.py',
    '../_base_/default_runtime.py',
]

model = dict(
    heads=dict(
        _delete_=True,
        contrast=dict(
            type='ClipContrastHead',
            criterion=dict(type='InfoNCELoss', temperature=0.07),
            out_channels=128,
        ),
    ),
    correspondence=None,
)
train_pipeline = [
    _base_.open_video,
    dict(_base_.sample, num_clips=2),
    _base_.crop,
    _base_.flip,
    _base_.decode,
    dict(_base_.pack, extra_keys=()),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
