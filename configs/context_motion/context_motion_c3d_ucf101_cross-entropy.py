# Ablation (Table 1): predicts the quantised values of the motion vectors, by cross-entropy. Nothing
# looks at motion from elsewhere in the video, and there is no M-network.
_base_ = './context_motion_c3d_ucf101.py'

model = dict(
    backbones=dict(motion=None),
    motion_head=dict(
        objective=dict(
            _delete_=True, type='MotionClassification', num_bins=21, target_size=(8, 14, 14)
        )
    ),
)
train_pipeline = [
    _base_.open_video,
    dict(_base_.sample, num_negatives=0),
    _base_.crop,
    _base_.flip,
    _base_.decode,
    _base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
# Motion is what training predicts; a test has no use for it.
val_dataloader = test_dataloader = dict(dataset=dict(streams=('rgb', 'iframe')))
test_evaluator = val_evaluator = dict(streams=('rgb', 'iframe'))
