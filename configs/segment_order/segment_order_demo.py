# Segment order in minutes on a CPU: a small R3D-10 on MotionPrimitives, with rates up to 4 and views by the generator
# of segment_order_demo_views.py.
_base_ = [
    '../_base_/models/segment_order_c3d.py',
    '../_base_/datasets/motion_primitives_segment_order.py',
    '../_base_/schedules/demo_schedule.py',
    '../_base_/default_runtime.py',
]

max_epochs = 15

model = dict(
    data_preprocessor=dict(
        # So small a network looks at still textures for hours before it notices what moves.
        rgb=dict(remove_still=True),
        # Without what is still, little colour is left to tell videos by.
        augment=None,
    ),
    backbones=dict(
        rgb=dict(
            _delete_=True,
            type='VideoResNet',
            arch='r3d',
            depth=10,
            width=0.25,
            # Down to a single time: a mean over two forgets which of them was first.
            temporal_strides=(1, 2, 2, 2, 2),
        )
    ),
    order=dict(in_channels=128, hidden_channels=128),
    rate=dict(in_channels=128, max_rate=4),
    head=dict(
        projector=dict(in_channels=128, hidden_channels=128, out_channels=66),
        # In hundreds of steps, not hundreds of thousands: keys that keep up with the network, and few
        # enough that none is old; a higher temperature, as most neighbours are still strangers.
        queue_length=128,
        momentum=0.99,
        criterion=dict(temperature=0.4),
    ),
    # Keys are in another order than their queries: at full weight the order is learned later.
    contrast_weight=0.3,
    view_generator=dict(
        channels=(8, 16, 32),
        latent_channels=16,
        remove_still=True,
        init_cfg=dict(
            checkpoint='{{$SSVRL_VIEWS:work_dirs/segment_order/segment_order_demo_views/epoch_4.pth}}'
        ),
    ),
    answers_pretext=True,
    average_clips=True,
)

# 16 videos at a time, as on UCF101: more steps for the same computation.
train_dataloader = dict(batch_size=16)
auto_scale_lr = dict(base_batch_size=16)

test_evaluator = [
    dict(type='VideoRetrieval', topk=(1, 5, 10)),
    dict(type='PretextAccuracy'),
    dict(type='SamplingRateError'),
]
val_evaluator = test_evaluator

train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs, val_interval=10)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, convert_to_iter_based=True)]
default_hooks = dict(checkpoint=dict(interval=1))
