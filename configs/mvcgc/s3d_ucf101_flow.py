# MVCGC on RGB and optical flow in the place of motion vectors, both stages in one run.
_base_ = [
    '../_base_/models/mvcgc_s3d.py',
    '../_base_/datasets/ucf101_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/datasets/optical_flow.py',
    '../_base_/schedules/mvcgc_ucf101.py',
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
)
