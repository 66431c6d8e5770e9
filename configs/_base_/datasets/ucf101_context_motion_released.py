# The clips of the released code of Context-Motion Decoupling: motion starts one frame later, I-frames have
# none, and motion is resized as a picture with a vector in every pixel, whose values no crop scales.
_base_ = ['./ucf101_context_motion.py', './ucf101_context_motion_retrieval.py']

sample = dict(_base_.sample, motion_gap=3)
as_picture = dict(motion_stride=1, motion_interpolation='bilinear', scale_motion=False)
crop = dict(_base_.crop, **as_picture)
train_pipeline = [_base_.open_video, sample, crop, _base_.flip, _base_.decode, _base_.pack]
train_dataloader = dict(
    dataset=dict(reader_options=dict(iframe_motion='zero'), pipeline=train_pipeline)
)

test_pipeline = [
    _base_.open_video,
    dict(
        type='SampleContextMotion',
        clip_len=16,
        frame_interval=4,
        motion_gap=3,
        num_clips=10,
        test_mode=True,
    ),
    dict(type='ClipResize', short_side=128, **as_picture),
    dict(type='ClipCenterCrop', size=112, motion_stride=1),
    _base_.decode,
    _base_.pack,
]
test_dataloader = dict(
    dataset=dict(reader_options=dict(iframe_motion='zero'), pipeline=test_pipeline)
)
val_dataloader = test_dataloader
