# Retrieval on HMDB51 by RGB, optical flow and both, under the protocol of CoCLR.
_base_ = [
    '../../_base_/models/mvcgc_s3d.py',
    '../../_base_/datasets/hmdb51_coclr_retrieval.py',
    '../../_base_/datasets/optical_flow.py',
    '../../_base_/downstream_runtime.py',
]

val_dataloader = test_dataloader = dict(
    dataset=dict(streams=('rgb', 'flow'), reader_options=_base_.flow)
)
model = dict(
    backbones=dict(
        _delete_=True, rgb=dict(type='S3D', in_channels=3), flow=dict(type='S3D', in_channels=2)
    ),
    head=dict(streams=('rgb', 'flow')),
    average_clips=False,
)
