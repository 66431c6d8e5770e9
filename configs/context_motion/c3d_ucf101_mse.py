# Ablation (Table 1): predicts the values of the motion vectors, by mean square error. Nothing looks at
# motion from elsewhere in the video, and there is no M-network.
_base_ = './c3d_ucf101.py'

model = dict(
    backbone_motion=None,
    motion_head=dict(
        objective=dict(_delete_=True, type='MotionRegression', target_size=(8, 14, 14))
    ),
)
train_pipeline = _base_.train_pipeline
train_pipeline[1].num_negatives = 0
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_evaluator = dict(streams=('rgb', 'iframe'))
val_evaluator = test_evaluator
