# CoCLR on Kinetics-400 as its released code trains it; `tools/test.py` then evaluates on UCF101.
_base_ = [
    '../_base_/models/coclr_s3d_released.py',
    '../_base_/datasets/kinetics400_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/datasets/optical_flow.py',
    '../_base_/datasets/coclr_views.py',
    '../_base_/schedules/coclr_k400.py',
    '../_base_/default_runtime.py',
]

test_dataloader = dict(dataset=dict(streams=('rgb', 'flow'), reader_options=_base_.flow))
train_dataloader = dict(
    dataset=dict(
        streams=('rgb', 'flow'), reader_options=_base_.flow, pipeline=_base_.coclr_pipeline
    )
)
model = dict(head=dict(queue_length=16384), stages=[(0, 'init'), (300, 'rgb'), (350, 'flow')])
# Each phase is a run of its own, which learns nothing until its queue is full.
custom_hooks = [dict(type='RestartStagesHook')]

# Training needs no other dataset than Kinetics-400.
val_dataloader = None
val_evaluator = None
val_cfg = None

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))

# A resting stream gets no gradient.
find_unused_parameters = True
