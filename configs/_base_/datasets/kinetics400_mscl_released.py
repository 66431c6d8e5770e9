# The clips of kinetics400_mscl.py as the released code of MSCL has them: flow reaches 8 frames on, half as far as the
# next frame, and scores are its changes within 2 frames, weighted otherwise.
_base_ = './kinetics400_mscl.py'

sample_motion = dict(
    _base_.sample_motion,
    motion_offset=8,
    # Where a video is too short, it starts over.
    shorten=None,
    scores_root='motion_scores/raft_8_released',
    distance=2,
    weight='max',
    # Of every clip the first half; what lies beyond the video counts as 0.
    score_interval=8,
    missing='zero',
)
train_dataloader = dict(
    dataset=dict(
        reader_options=dict(flow_root='raft_8', flow_span=8),
        pipeline=[_base_.open_video, sample_motion, *_base_.read_clips],
    )
)
