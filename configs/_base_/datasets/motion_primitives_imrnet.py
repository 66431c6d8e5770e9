# MotionPrimitives as IMRNet reads it: MPEG-4 with 11 P-frames after each I-frame, clips of 6 groups of
# which 5 are taken, crops of 64 px with labels of their motion. Training, and retrieval of its training
# videos by its test videos.
data_root = '{{$SSVRL_DATA:data}}/motion_primitives_gop12'
# Objects as fast as in 36 frames would be out of view before the end of 72.
spec = dict(num_frames=72, codecs='mpeg4-gop12', pace=0.75)
streams = ('iframe', 'motion', 'residual')
reader_options = dict(motion='codec')
# 32 videos at a time.
steps_per_epoch = 20

open_video = dict(type='OpenCompressedVideo')
sample = dict(type='SampleGOPs', num_gops=5, gop_size=12, positions=(2, 4, 6, 8, 10))
crop = dict(type='ClipMultiScaleCrop', size=64, scales=(0.975, 0.9, 0.85))
decode = dict(type='DecodeCompressedVideo')
labels = dict(type='PMSPLabels', num_gops=5, grids=(2, 3, 4), windows=(1, 3, 5))
pack = dict(type='PackSSLInputs', extra_keys=('pmsp_labels',))

# No flip: left and right are different classes.
train_pipeline = [open_video, sample, crop, decode, labels, pack]
test_pipeline = [
    open_video,
    dict(sample, test_mode=True),
    dict(type='ClipResize', short_side=73),
    dict(type='ClipCenterCrop', size=64),
    decode,
    labels,
    pack,
]

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
        streams=streams,
        reader_options=reader_options,
        pipeline=train_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=8,
    num_workers=1,
    # The lists go class by class: what another video of the batch moves like should not be the same.
    sampler=dict(type='DefaultSampler', shuffle=True, seed=0),
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
