# VCOP in minutes on a CPU: a small R3D-10 on MotionPrimitives.
_base_ = [
    '../_base_/models/vcop_c3d.py',
    '../_base_/datasets/motion_primitives_clip_order.py',
    '../_base_/schedules/demo_schedule.py',
    '../_base_/default_runtime.py',
]

max_epochs = 15

model = dict(
    # So small a network looks at still textures for hours before it notices what moves.
    data_preprocessor=dict(rgb=dict(remove_still=True)),
    # The network of segment_order_demo.py.
    backbones=dict(
        rgb=dict(
            _delete_=True,
            type='VideoResNet',
            arch='r3d',
            depth=10,
            width=0.25,
            temporal_strides=(1, 2, 2, 2, 2),
        )
    ),
    head=dict(in_channels=128, hidden_channels=128),
    answers_pretext=True,
    average_clips=True,
)

# As segment_order_demo.py has it.
train_dataloader = dict(batch_size=16)
auto_scale_lr = dict(base_batch_size=16)

test_evaluator = [dict(type='VideoRetrieval', topk=(1, 5, 10)), dict(type='PretextAccuracy')]
val_evaluator = test_evaluator

train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs, val_interval=10)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, convert_to_iter_based=True)]
default_hooks = dict(checkpoint=dict(interval=1))
