# Context-Motion Decoupling in minutes on a CPU: small networks on MotionPrimitives, the embedded dataset
# whose classes differ in their motion alone. Retrieval by all three networks at the end.
_base_ = [
    '../_base_/models/context_motion_c3d.py',
    '../_base_/datasets/motion_primitives.py',
    '../_base_/schedules/demo.py',
    '../_base_/default_runtime.py',
]

max_epochs = 25

resnet = dict(type='VideoResNet', depth=10, width=0.25)
projection = dict(hidden_channels=256, out_channels=64)
model = dict(
    data_preprocessor=dict(
        # So small a network tells videos by their still textures for hours, and looks at nothing else.
        rgb=dict(remove_still=True),
        motion=dict(clip=1.0, size=16),
        augment=None,
    ),
    backbone_rgb=dict(_delete_=True, arch='r3d', temporal_strides=(1, 1, 2, 2, 1), **resnet),
    backbone_iframe=dict(width=0.25),
    # 16 x 16 cells of motion are not to be shrunk to nothing.
    backbone_motion=dict(width=0.25, spatial_strides=(1, 1, 2, 2, 1)),
    context_head=dict(in_channels=128, context_channels=128, **projection),
    motion_head=dict(
        predictor=dict(
            in_channels=128,
            in_size=(2, 4, 4),
            out_size=(1, 4, 4),
            channels=64,
            num_heads=4,
            feedforward_channels=256,
            num_encoder_layers=1,
            num_decoder_layers=2,
        ),
        objective=dict(motion_channels=128, **projection),
    ),
)

# Flipped, left and right would become each other's class.
clips = dict(clip_len=8, frame_interval=2, motion_len=8, motion_gap=2, iframe_window=5)
train_pipeline = [
    dict(type='OpenCompressedVideo', motion='codec', iframe_motion='hold'),
    dict(type='SampleContextMotion', num_negatives=1, **clips),
    dict(type='DecodeCompressedVideo', streams=('rgb', 'motion', 'iframe')),
    dict(type='ClipRandomResizedCrop', size=56, area_range=(0.5, 1.0)),
    dict(type='PackSSLInputs'),
]
test_pipeline = [
    dict(type='OpenCompressedVideo', motion='codec', iframe_motion='hold'),
    dict(type='SampleContextMotion', num_clips=3, test_mode=True, **clips),
    dict(type='DecodeCompressedVideo', streams=('rgb', 'motion', 'iframe')),
    dict(type='ClipResize', short_side=56),
    dict(type='ClipCenterCrop', size=56),
    dict(type='PackSSLInputs'),
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
gallery = dict(_base_.gallery, pipeline=test_pipeline)
query = dict(_base_.query, pipeline=test_pipeline)
test_dataloader = dict(dataset=dict(datasets=[gallery, query]))
test_evaluator = dict(streams=('rgb', 'iframe', 'motion'))
val_dataloader = test_dataloader
val_evaluator = test_evaluator

train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs, val_interval=10)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, convert_to_iter_based=True)]

default_hooks = dict(checkpoint=dict(interval=1))
