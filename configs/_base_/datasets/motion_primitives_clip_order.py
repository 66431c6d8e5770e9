# MotionPrimitives in shuffled clips: three of 16 frames with 8 between them, 64 frames of 72. Training; and a test that
# looks for training videos by test videos and asks for the order. Features are of the same clips.
_base_ = './motion_primitives.py'

data_root = '{{$SSVRL_DATA:data}}/motion_primitives_72'
# Objects as fast as in 36 frames would be out of view before the end of 72.
spec = dict(num_frames=72, pace=0.75)

open_video = dict(type='OpenCompressedVideo')
sample = dict(type='SampleClipTuples', clip_len=16, num_clips=3, gap=8)
resize = dict(type='ClipResize', size=64)
decode = dict(type='DecodeCompressedVideo')
pack = dict(type='PackSSLInputs', extra_keys=('clip_order',))
# No flip: left and right are different classes.
train_pipeline = [open_video, sample, resize, dict(type='ClipRandomCrop', size=56), decode, pack]
test_pipeline = [
    open_video,
    dict(sample, test_mode=True),
    resize,
    dict(type='ClipCenterCrop', size=56),
    decode,
    pack,
]

videos = dict(data_root=data_root, spec=spec, streams=('rgb',))
train_dataloader = dict(dataset=dict(videos, pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(videos, pipeline=test_pipeline))
val_dataloader = test_dataloader
del videos
