# Optical flow alone: its half of stage 1, and the baseline "Init. OF".
_base_ = [
    '../_base_/models/moco_s3d.py',
    '../_base_/datasets/ucf101_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/datasets/optical_flow.py',
    '../_base_/schedules/mvcgc_ucf101_init.py',
    '../_base_/default_runtime.py',
]

train_dataloader = val_dataloader = test_dataloader = dict(
    dataset=dict(streams=('flow',), reader_options=_base_.flow)
)
model = dict(
    # Where no RGB is decoded, flow has no size of RGB to be brought to.
    data_preprocessor=dict(flow=dict(size=128)),
    backbones=dict(_delete_=True, flow=dict(type='S3D', in_channels=2)),
    head=dict(stream='flow'),
)
