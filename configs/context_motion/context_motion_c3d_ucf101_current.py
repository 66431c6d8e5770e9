# Ablation (Table 1): predicts the motion of the clip itself instead of the motion that follows it.
_base_ = './context_motion_c3d_ucf101.py'

train_pipeline = [
    _base_.open_video,
    dict(_base_.sample, target='current'),
    _base_.crop,
    _base_.flip,
    _base_.decode,
    _base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
