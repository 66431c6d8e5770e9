# The clips of ucf101_classification_context_motion.py, each with the motion of 8 consecutive frames in its
# middle: what V- and M-network of Context-Motion Decoupling are pretrained on.
_base_ = './ucf101_classification_context_motion.py'

sample = dict(
    type='SampleContextMotion',
    clip_len=16,
    frame_interval=4,
    # No labelled video is left out for being short.
    min_frame_interval=1,
    motion_len=8,
    target='current',
    num_negatives=0,
    iframe_window=None,
)
decode = dict(type='DecodeCompressedVideo', streams=('rgb', 'motion'))
train_pipeline = [_base_.open_video, sample, decode, *_base_.train_pipeline[3:]]
test_protocols = {
    name: [
        _base_.open_video,
        dict(sample, test_mode=True, num_clips=num_clips),
        decode,
        *_base_.test_protocols[name][3:],
    ]
    for name, num_clips in (('one_clip', 1), ('ten_clips', 10), ('three_crops', 1))
}
val_pipeline = test_protocols['one_clip']
test_pipeline = test_protocols['{{$SSVRL_TEST_PROTOCOL:ten_clips}}']

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
