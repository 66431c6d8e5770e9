# MoDist, the baseline of Table 7, on Kinetics-400 with R3D-18.
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/kinetics400_mscl.py',
    '../_base_/schedules/mscl.py',
    '../_base_/default_runtime.py',
]

# No local term, so no pyramid; nothing uses rotated flow.
model = dict(
    # Flow by a 3D network. Negatives are of the modality of their query.
    backbones=dict(flow=dict(arch='r3d')),
    neck=None,
    flow_augment=None,
    head=dict(local=None, same_modality=False),
)
train_dataloader = dict(
    dataset=dict(pipeline=[_base_.open_video, _base_.sample, *_base_.read_clips])
)

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
