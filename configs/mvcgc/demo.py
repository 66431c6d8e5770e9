# MVCGC in minutes on a CPU: a small S3D on MotionPrimitives, the embedded dataset whose classes
# differ in their motion alone. Both stages in one run, retrieval at the end.
_base_ = [
    '../_base_/models/mvcgc_s3d.py',
    '../_base_/datasets/motion_primitives.py',
    '../_base_/schedules/demo_schedule.py',
    '../_base_/default_runtime.py',
]

max_epochs = 30

model = dict(
    data_preprocessor=dict(
        # So small a network looks at still textures for hours before it notices what moves.
        rgb=dict(remove_still=True),
        motion=dict(clip=1.0, size=16),
        # Without what is still, little colour is left to tell videos by.
        augment=None,
    ),
    backbones=dict(
        rgb=dict(width=0.25),
        # 16 x 16 cells of motion are not to be shrunk to nothing.
        motion=dict(width=0.25, spatial_strides=(1, 2, 2, 2, 1)),
    ),
    head=dict(
        projector=dict(in_channels=256, hidden_channels=256, out_channels=64),
        # In hundreds of steps, not hundreds of thousands: keys that keep up with the network, and few
        # enough that none is old; a higher temperature, as most neighbours are still strangers.
        queue_length=128,
        momentum=0.99,
        criterion=dict(temperature=0.2),
    ),
    stages=[(0, 'init'), (24, 'cross')],
)

# No flip: left and right are different classes.
train_pipeline = [
    dict(type='OpenCompressedVideo'),
    # Clips that do not overlap share the object's motion, but not the camera's.
    dict(type='SampleClips', clip_len=16, num_clips=2, min_gap=16),
    dict(type='ClipRandomResizedCrop', size=56, area_range=(0.5, 1.0)),
    dict(type='DecodeCompressedVideo'),
    # RGB costs most of the time: half of its frames will do.
    dict(type='PackSSLInputs', rgb_interval=2),
]
test_pipeline = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleClips', clip_len=16, num_clips=3, test_mode=True),
    dict(type='ClipResize', short_side=56),
    dict(type='ClipCenterCrop', size=56),
    dict(type='DecodeCompressedVideo'),
    dict(type='PackSSLInputs', rgb_interval=2),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_dataloader = test_dataloader

train_cfg = dict(max_epochs=max_epochs, val_begin=10, val_interval=7)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, convert_to_iter_based=True)]

default_hooks = dict(checkpoint=dict(interval=1))
