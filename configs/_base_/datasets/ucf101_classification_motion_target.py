# Classification on UCF101 as in Context-Motion Decoupling, with the motion that follows each training
# clip, for the regularisation by motion prediction.
_base_ = './ucf101_classification_context_motion.py'

train_pipeline = [
    _base_.open_video,
    dict(
        type='SampleContextMotion',
        clip_len=16,
        frame_interval=4,
        # No labelled video is left out for being short.
        min_frame_interval=1,
        motion_len=8,
        motion_gap=2,
        num_negatives=3,
        iframe_window=None,
    ),
    dict(type='DecodeCompressedVideo', streams=('rgb', 'motion')),
    *_base_.train_pipeline[3:5],
    dict(type='PackSSLInputs', motion_target=True),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
