# Classification on UCF101 split 1 by the motion of 8 consecutive frames, what the M-network of
# Context-Motion Decoupling is pretrained on.
_base_ = './ucf101_classification_context_motion.py'

decode = dict(type='DecodeCompressedVideo', streams=('motion',))
train_pipeline = [
    _base_.open_video,
    dict(type='SampleClips', clip_len=8, num_clips=1),
    decode,
    *_base_.train_pipeline[3:],
]
test_protocols = {
    name: [
        _base_.open_video,
        dict(type='SampleClips', clip_len=8, test_mode=True, **clips),
        decode,
        *_base_.test_protocols[name][3:],
    ]
    for name, clips in (
        ('one_clip', dict(num_clips=1)),
        ('ten_clips', dict(num_clips=10)),
        ('three_crops', dict(num_clips=1)),
        ('ten_crops', dict(stride=8)),
    )
}
val_pipeline = test_protocols['one_clip']
test_pipeline = test_protocols['{{$SSVRL_TEST_PROTOCOL:ten_clips}}']

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
