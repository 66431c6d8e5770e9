# Table 3: CoViAR on Kinetics-400 by CTP alone.
_base_ = [
    '../_base_/models/coviar.py',
    '../_base_/datasets/kinetics400_imrnet.py',
    '../_base_/schedules/imrnet.py',
    '../_base_/default_runtime.py',
]

# Frame by frame nothing tells in which order frames come: groups of pictures are averaged one by one.
model = dict(
    heads=dict(ctp=dict(type='CTPHead', num_types=4, num_gops=5, hidden_channels=3072)),
    correspondence=dict(),
)
train_pipeline = [
    _base_.open_video,
    _base_.sample,
    _base_.crop,
    _base_.flip,
    _base_.decode,
    dict(_base_.pack, extra_keys=()),
]
# As in CoViAR motion and residuals relate to the I-frame, of videos encoded anew with 11 P-frames after each.
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(video='gop12'),
        reader_options=dict(motion='codec', accumulate=True),
        pipeline=train_pipeline,
    )
)

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
