# Context-Motion Decoupling in minutes on a CPU: small networks on MotionPrimitives, the embedded dataset
# whose classes differ in their motion alone. Retrieval by all three networks at the end.
_base_ = [
    '../_base_/models/context_motion_c3d.py',
    '../_base_/datasets/motion_primitives.py',
    '../_base_/schedules/demo_schedule.py',
    '../_base_/default_runtime.py',
]

max_epochs = 25

projection = dict(hidden_channels=256, out_channels=64)
model = dict(
    data_preprocessor=dict(
        # So small a network tells videos by their still textures for hours, and looks at nothing else.
        rgb=dict(remove_still=True),
        motion=dict(clip=1.0, size=16),
        augment=None,
    ),
    backbones=dict(
        rgb=dict(
            _delete_=True,
            type='VideoResNet',
            arch='r3d',
            depth=10,
            width=0.25,
            temporal_strides=(1, 1, 2, 2, 1),
        ),
        iframe=dict(width=0.25),
        # 16 x 16 cells of motion are not to be shrunk to nothing.
        motion=dict(width=0.25, spatial_strides=(1, 1, 2, 2, 1)),
    ),
    context_head=dict(in_channels=128, context_channels=128, **projection),
    motion_head=dict(
        predictor=dict(
            in_channels=128,
            in_size=(2, 4, 4),
            out_size=(1, 4, 4),
            channels=64,
            num_heads=4,
            num_encoder_layers=1,
            num_decoder_layers=2,
        ),
        objective=dict(motion_channels=128, **projection),
    ),
)

# Flipped, left and right would become each other's class.
open_video = dict(type='OpenCompressedVideo')
sample = dict(
    type='SampleContextMotion',
    clip_len=8,
    frame_interval=2,
    motion_len=8,
    motion_gap=2,
    num_negatives=1,
    iframe_window=5,
)
decode = dict(type='DecodeCompressedVideo')
crop = dict(type='ClipRandomResizedCrop', size=56, area_range=(0.5, 1.0))
pack = dict(type='PackSSLInputs')
train_pipeline = [open_video, sample, crop, decode, pack]
test_pipeline = [
    open_video,
    dict(sample, num_clips=3, test_mode=True),
    dict(type='ClipResize', short_side=56),
    dict(type='ClipCenterCrop', size=56),
    decode,
    pack,
]
train_dataloader = dict(dataset=dict(streams=('rgb', 'motion', 'iframe'), pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(streams=('rgb', 'motion', 'iframe'), pipeline=test_pipeline))
test_evaluator = dict(streams=('rgb', 'iframe', 'motion'))
val_dataloader = test_dataloader
val_evaluator = test_evaluator

train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs, val_interval=10)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, convert_to_iter_based=True)]

default_hooks = dict(checkpoint=dict(interval=1))
