# MotionPrimitives in shuffled segments: 72 frames, clips of 16 in 3 segments whose frames are 1 to 4 apart. Training;
# and a test that looks for training videos by test videos and asks for order and rates.
data_root = '{{$SSVRL_DATA:data}}/motion_primitives_72'
# Objects as fast as in 36 frames would be out of view before the end of 72.
spec = dict(num_frames=72, pace=0.75)
reader_options = dict(motion='codec', iframe_motion='hold')
# 32 videos at a time.
steps_per_epoch = 20

open_video = dict(type='OpenCompressedVideo')
# At most 61 frames: every clip fits. Query and key.
sample = dict(type='SampleShuffledSegments', clip_len=16, num_segments=3, max_rate=4, num_clips=2)
# Two to be asked for, and three of consecutive frames that features are of.
test_sample = dict(sample, num_ordered=3, test_mode=True)
# Segments that show their first frame alone, behind either of both: what tells of the order without motion within
# them, which is cuts, compression, brightness, and how far things have come from one still to another.
first_frames = dict(type='DisorderFrames', order='first_of_segments')
resize = dict(type='ClipResize', size=64)
decode = dict(type='DecodeCompressedVideo')
pack = dict(type='PackSSLInputs', extra_keys=('segment_order', 'segment_lengths', 'sampling_rates'))
# No flip: left and right are different classes.
read_clips = [resize, dict(type='ClipRandomCrop', size=56), decode, pack]
read_test_clips = [resize, dict(type='ClipCenterCrop', size=56), decode, pack]
train_pipeline = [open_video, sample, *read_clips]
# Rows without contrast take one clip.
one_clip_pipeline = [open_video, dict(sample, num_clips=1), *read_clips]
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
        streams=('rgb',),
        reader_options=reader_options,
        pipeline=train_pipeline,
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
        streams=('rgb',),
        reader_options=reader_options,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='VideoRetrieval', topk=(1, 5, 10))
test_cfg = dict(type='TestLoop')
val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict(type='ValLoop')
