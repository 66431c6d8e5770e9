# VCOP in the model zoo: an R3D-10 with half of the channels on MotionPrimitives. vcop_demo.py with a wider network.
_base_ = [
    '../_base_/models/vcop_r3d10.py',
    '../_base_/datasets/motion_primitives_clip_order.py',
    '../_base_/schedules/zoo_schedule.py',
    '../_base_/default_runtime.py',
]

spec = dict(num_frames=72, pace=0.75, codecs='mixed', seed=0)
train_dataloader = dict(batch_size=16, dataset=dict(spec=spec))
auto_scale_lr = dict(base_batch_size=16)
test_dataloader = dict(dataset=dict(spec=spec))
val_dataloader = test_dataloader

model = dict(
    data_preprocessor=dict(rgb=dict(remove_still=True)),
    backbones=dict(rgb=dict(width=0.5, temporal_strides=(1, 2, 2, 2, 2))),
    head=dict(in_channels=256, hidden_channels=128),
    answers_pretext=True,
    average_clips=True,
)

test_evaluator = [dict(type='VideoRetrieval', topk=(1, 5, 10)), dict(type='PretextAccuracy')]
val_evaluator = test_evaluator

train_cfg = dict(max_epochs=40)
