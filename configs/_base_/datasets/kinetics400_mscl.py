# Two clips of 8 frames of Kinetics-400, 16 frames apart, and the flow from each frame to the one 16 frames later: RGB
# and flow share crop and flip, and colours are augmented on the GPU (data_preprocessor). Flow is RAFT's, read from
# files, and clips are chosen by how much their motion changes (Motion Differential Sampling).
data_root = '{{$SSVRL_DATA:data}}/kinetics400'

open_video = dict(type='OpenCompressedVideo')
# The second clip, the key, is within 128 frames of the first. Where a video is too short, its frames are taken
# closer to each other.
sample = dict(
    type='SampleMotionClips',
    function='none',
    clip_len=8,
    frame_interval=16,
    num_clips=2,
    motion_offset=16,
    shorten='stride',
)
sample_motion = dict(
    sample,
    function='dw',
    scores_root='motion_scores/raft_16',
    flow_method='raft',
)
read_clips = [
    dict(type='ClipRandomResizedCrop', size=112, area_range=(0.2, 1.0)),
    dict(type='ClipFlip', flip_ratio=0.5),
    dict(type='DecodeCompressedVideo', flow_peak=True),
    dict(type='PackSSLInputs'),
]

train_dataloader = dict(
    # 128 in all on 4 GPUs.
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CompressedVideoDataset',
        data_root=data_root,
        ann_file='train_list.txt',
        data_prefix=dict(video='videos'),
        streams=('rgb', 'flow'),
        reader_options=dict(motion='auto', flow_method='raft', flow_root='raft_16', flow_span=16),
        pipeline=[open_video, sample_motion, *read_clips],
    ),
)
