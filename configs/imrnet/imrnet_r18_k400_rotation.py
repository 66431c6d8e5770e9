# Table 3: IMRNet of 18 layers on Kinetics-400 by telling quarter turns.
_base_ = [
    '../_base_/models/imrnet_r18.py',
    '../_base_/datasets/kinetics400_imrnet.py',
    '../_base_/schedules/imrnet.py',
    '../_base_/default_runtime.py',
]

model = dict(
    heads=dict(
        _delete_=True,
        rotation=dict(type='PretextClassificationHead', num_classes=4, label_key='rotation'),
    ),
    correspondence=None,
)
train_pipeline = [
    _base_.open_video,
    _base_.sample,
    _base_.crop,
    _base_.flip,
    _base_.decode,
    dict(type='RotateClips'),
    dict(_base_.pack, extra_keys=('rotation',)),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
