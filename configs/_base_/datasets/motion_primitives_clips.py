# MotionPrimitives in two clips of 16 frames of each video, every one of which is seen: training, and retrieval by three
# clips.
_base_ = './motion_primitives.py'

# No flip: left and right are different classes.
train_pipeline = [
    dict(type='OpenCompressedVideo'),
    # Clips that do not overlap share the object's motion, but not the camera's.
    dict(type='SampleClips', clip_len=16, num_clips=2, min_gap=16),
    dict(type='ClipRandomResizedCrop', size=56, area_range=(0.5, 1.0)),
    dict(type='DecodeCompressedVideo'),
    dict(type='PackSSLInputs'),
]
test_pipeline = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleClips', clip_len=16, num_clips=3, test_mode=True),
    dict(type='ClipResize', short_side=56),
    dict(type='ClipCenterCrop', size=56),
    dict(type='DecodeCompressedVideo'),
    dict(type='PackSSLInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_dataloader = test_dataloader
