# CoCLR on RGB and optical flow, as its own paper has it.
_base_ = [
    '../_base_/models/coclr_s3d.py',
    '../_base_/datasets/ucf101_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/datasets/optical_flow.py',
    '../_base_/schedules/coclr_ucf101.py',
    '../_base_/default_runtime.py',
]

train_dataloader = val_dataloader = test_dataloader = dict(
    dataset=dict(streams=('rgb', 'flow'), reader_options=_base_.flow)
)
model = dict(
    backbones=dict(
        _delete_=True, rgb=dict(type='S3D', in_channels=3), flow=dict(type='S3D', in_channels=2)
    ),
    head=dict(streams=('rgb', 'flow')),
    stages=[(0, 'init'), (300, 'rgb'), (400, 'flow'), (500, 'rgb'), (600, 'flow')],
)

# A resting stream gets no gradient.
find_unused_parameters = True
