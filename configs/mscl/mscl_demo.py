# MSCL in minutes on a CPU: a small R3D-10 and a small network of motion vectors on MotionPrimitives.
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/motion_primitives_mscl.py',
    '../_base_/schedules/demo_schedule.py',
    '../_base_/default_runtime.py',
]

max_epochs = 15

model = dict(
    data_preprocessor=dict(
        # So small a network looks at still textures for hours before it notices what moves.
        rgb=dict(remove_still=True),
        # 14 x 14 vectors, each of which is seen once.
        flow=dict(size=None),
        # Without what is still, little colour is left to tell videos by.
        augment=None,
    ),
    backbones=dict(
        rgb=dict(depth=10, width=0.25),
        flow=dict(depth=10, width=0.25, spatial_strides=(1, 1, 2, 2, 1)),
    ),
    neck=dict(in_channels=(32, 64, 128), out_channels=32),
    head=dict(
        projector=dict(
            rgb=dict(in_channels=128, out_channels=64), flow=dict(in_channels=128, out_channels=64)
        ),
        local=dict(projections=dict(flow=dict(in_channels=128, out_channels=32))),
        # In hundreds of steps, not hundreds of thousands: keys that keep up with the network, and few
        # enough that none is old; a higher temperature, as most neighbours are still strangers.
        queue_length=128,
        momentum=dict(momentum=0.99),
        criterion=dict(temperature=0.2),
    ),
    answers_pretext=True,
)

test_evaluator = [
    dict(type='VideoRetrieval', topk=(1, 5, 10)),
    # Half of the classes move evenly: camera drift alone tells their times apart.
    dict(
        type='PretextAccuracy',
        groups=dict(
            changing=('oscillate_sideways', 'oscillate_upright', 'circle'),
            camera=('still',),
        ),
    ),
]
val_evaluator = test_evaluator

train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs, val_interval=10)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, convert_to_iter_based=True)]
default_hooks = dict(checkpoint=dict(interval=1))
