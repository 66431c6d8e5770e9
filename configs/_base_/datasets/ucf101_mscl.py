# The clips of kinetics400_mscl.py from UCF101 split 1, of frames, and with flow, 8 frames apart.
_base_ = './kinetics400_mscl.py'

data_root = '{{$SSVRL_DATA:data}}/ucf101'

sample = dict(_base_.sample, frame_interval=8, motion_offset=8)
sample_motion = dict(
    _base_.sample_motion, frame_interval=8, motion_offset=8, scores_root='motion_scores/raft_8'
)
train_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        # Clips of one recording, class and group, are no negatives; after the letter of MSCL: False.
        group=r'v_(\w+_g\d+)_c\d+',
        reader_options=dict(motion='codec', flow_root='raft_8', flow_span=8),
        pipeline=[_base_.open_video, sample_motion, *_base_.read_clips],
    )
)
