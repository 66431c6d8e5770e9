# CoCLR on UCF101 as its released code trains it, all phases in one run.
_base_ = [
    '../_base_/models/coclr_s3d_released.py',
    '../_base_/datasets/ucf101_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/datasets/optical_flow.py',
    '../_base_/datasets/coclr_views.py',
    '../_base_/schedules/coclr_ucf101.py',
    '../_base_/default_runtime.py',
]

val_dataloader = test_dataloader = dict(
    dataset=dict(streams=('rgb', 'flow'), reader_options=_base_.flow)
)
train_dataloader = dict(
    dataset=dict(
        streams=('rgb', 'flow'), reader_options=_base_.flow, pipeline=_base_.coclr_pipeline
    )
)
model = dict(stages=[(0, 'init'), (300, 'rgb'), (400, 'flow'), (500, 'rgb'), (600, 'flow')])
# Each phase is a run of its own, which learns nothing until its queue is full.
custom_hooks = [dict(type='RestartStagesHook')]

optim_wrapper = dict(optimizer=dict(lr=1e-3))
# 2 GPUs x 32 videos.
auto_scale_lr = dict(base_batch_size=64)

# A resting stream gets no gradient.
find_unused_parameters = True
