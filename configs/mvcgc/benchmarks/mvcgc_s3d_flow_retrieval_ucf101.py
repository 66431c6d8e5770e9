# Retrieval on UCF101 by RGB, optical flow and both, under both protocols on uniform clips at once.
_base_ = [
    '../../_base_/models/mvcgc_s3d.py',
    '../../_base_/datasets/ucf101_retrieval.py',
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
    # 'vcop' searches clip by clip; 'clean' averages the clips itself.
    average_clips=False,
)
test_evaluator = [dict(_base_.test_evaluator, preset=preset) for preset in ('clean', 'vcop')]
val_evaluator = test_evaluator
