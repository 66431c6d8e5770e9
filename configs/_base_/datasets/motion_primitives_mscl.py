# MotionPrimitives as MSCL reads it: 72 frames, clips of 8 that are 2 apart, motion vectors of the 2 frames between
# them in the place of flow. Training, and retrieval of its training videos by its test videos.
data_root = '{{$SSVRL_DATA:data}}/motion_primitives_72'
# Objects as fast as in 36 frames would be out of view before the end of 72.
spec = dict(num_frames=72, pace=0.75)
streams = ('rgb', 'flow')
reader_options = dict(motion='codec', flow_method='vectors', flow_span=2)
# 32 videos at a time.
steps_per_epoch = 20

open_video = dict(type='OpenCompressedVideo')
# No further apart: what swings or circles turns round within 10 to 16 frames, and the maps of LMCL lie two frames of the
# clip apart.
clips = dict(clip_len=8, frame_interval=2, motion_offset=2, shorten='stride')
# Of the clips whose motion changes most, by scores that are made where they are missing; or any two. The second,
# the key, is within 32 frames of the first.
sample = dict(type='SampleMotionClips', function='none', num_clips=2, **clips)
sample_motion = dict(sample, function='dw', scores_root='motion_scores_2', flow_method='vectors')
# No flip: left and right are different classes.
read_clips = [
    # As many vectors as the frame has of them.
    dict(type='ClipRandomResizedCrop', size=56, area_range=(0.5, 1.0), flow_stride=4),
    dict(type='DecodeCompressedVideo', flow_peak=True),
    dict(type='PackSSLInputs'),
]
test_sample = dict(type='SampleClips', num_clips=3, test_mode=True, **clips)
read_test_clips = [
    dict(type='ClipResize', short_side=56, flow_stride=4),
    dict(type='ClipCenterCrop', size=56),
    dict(type='DecodeCompressedVideo', flow_peak=True),
    dict(type='PackSSLInputs'),
]
del clips
# Without MDS, as videos of one's own have no scores.
train_pipeline = [open_video, sample, *read_clips]
test_pipeline = [open_video, test_sample, *read_test_clips]

train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='MotionPrimitives',
        split='train',
        data_root=data_root,
        spec=spec,
        score_span=2,
        streams=streams,
        reader_options=reader_options,
        pipeline=[open_video, sample_motion, *read_clips],
    ),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='RetrievalDataset',
        dataset_type='MotionPrimitives',
        data_root=data_root,
        spec=spec,
        gallery=dict(split='train'),
        query=dict(split='test'),
        streams=streams,
        reader_options=reader_options,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='VideoRetrieval', topk=(1, 5, 10))
test_cfg = dict(type='TestLoop')
val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict(type='ValLoop')
