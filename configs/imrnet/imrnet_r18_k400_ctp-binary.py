# Table 3: IMRNet of 18 layers on Kinetics-400 by CTP of two types alone, aligned and random.
_base_ = [
    '../_base_/models/imrnet_r18.py',
    '../_base_/datasets/kinetics400_imrnet.py',
    '../_base_/schedules/imrnet.py',
    '../_base_/default_runtime.py',
]

model = dict(heads=dict(_delete_=True, ctp=dict(type='CTPHead', num_types=2)))
train_pipeline = [
    _base_.open_video,
    _base_.sample,
    _base_.crop,
    _base_.flip,
    _base_.decode,
    dict(_base_.pack, extra_keys=()),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
