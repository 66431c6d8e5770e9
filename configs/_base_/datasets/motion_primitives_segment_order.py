# MotionPrimitives in shuffled segments: 72 frames, clips of 16 in 3 segments whose frames are 1 to 4 apart. Training;
# and a test that looks for training videos by test videos and asks for order and rates.
_base_ = './motion_primitives.py'

data_root = '{{$SSVRL_DATA:data}}/motion_primitives_72'
# Objects as fast as in 36 frames would be out of view before the end of 72.
spec = dict(num_frames=72, pace=0.75)

open_video = dict(type='OpenCompressedVideo')
# At most 61 frames: every clip fits. Query and key; rows without contrast take one clip.
sample = dict(type='SampleShuffledSegments', clip_len=16, num_segments=3, max_rate=4, num_clips=2)
# Two to be asked for, and three of consecutive frames that features are of.
test_sample = dict(sample, num_ordered=3, test_mode=True)
# Segments that show their first frame alone, behind either of both: what tells of the order and does not move.
first_frames = dict(type='DisorderFrames', order='first_of_segments')
resize = dict(type='ClipResize', size=64)
decode = dict(type='DecodeCompressedVideo')
pack = dict(type='PackSSLInputs', extra_keys=('segment_order', 'segment_lengths', 'sampling_rates'))
# No flip: left and right are different classes.
read_clips = [resize, dict(type='ClipRandomCrop', size=56), decode, pack]
read_test_clips = [resize, dict(type='ClipCenterCrop', size=56), decode, pack]
train_pipeline = [open_video, sample, *read_clips]
test_pipeline = [open_video, test_sample, *read_test_clips]

videos = dict(data_root=data_root, spec=spec, streams=('rgb',))
train_dataloader = dict(dataset=dict(videos, pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(videos, pipeline=test_pipeline))
val_dataloader = test_dataloader
del videos
