# MotionPrimitives, the embedded dataset: written where it is missing, 640 training and 320 test videos.
# Retrieval of its training videos by its test videos. A config adds the pipelines.
data_root = '{{$SSVRL_DATA:data}}/motion_primitives'
# 32 videos at a time.
steps_per_epoch = 20

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
        streams=('rgb', 'motion'),
        reader_options=dict(motion='codec', iframe_motion='hold'),
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
        gallery=dict(split='train'),
        query=dict(split='test'),
        streams=('rgb', 'motion'),
        reader_options=dict(motion='codec', iframe_motion='hold'),
    ),
)
test_evaluator = dict(type='VideoRetrieval', topk=(1, 5, 10))
test_cfg = dict(type='TestLoop')
val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict(type='ValLoop')
