# CoCLR on RGB and optical flow of Kinetics-400; `tools/test.py` then evaluates on UCF101.
_base_ = [
    '../_base_/models/coclr_s3d.py',
    '../_base_/datasets/kinetics400_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/datasets/optical_flow.py',
    '../_base_/schedules/coclr_k400.py',
    '../_base_/default_runtime.py',
]

train_dataloader = test_dataloader = dict(
    dataset=dict(streams=('rgb', 'flow'), reader_options=_base_.flow)
)
model = dict(
    backbones=dict(
        _delete_=True, rgb=dict(type='S3D', in_channels=3), flow=dict(type='S3D', in_channels=2)
    ),
    head=dict(streams=('rgb', 'flow'), queue_length=16384),
    stages=[(0, 'init'), (300, 'rgb'), (350, 'flow')],
)

# Training needs no other dataset than Kinetics-400.
val_dataloader = None
val_evaluator = None
val_cfg = None

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))

# A resting stream gets no gradient.
find_unused_parameters = True
