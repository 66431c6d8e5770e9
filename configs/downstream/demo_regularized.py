# The same, regularised by motion prediction.
_base_ = ['./demo_scratch.py']

pretraining = _base_.pretraining
model = dict(
    neck=dict(
        type='MotionPredictionRegularizer',
        backbone_motion=pretraining.backbone_motion,
        head=dict(pretraining.motion_head, loss_weight=0.2),
        clip=pretraining.data_preprocessor.motion.clip,
        size=pretraining.data_preprocessor.motion.size,
    )
)
train_pipeline = list(_base_.train_pipeline)
train_pipeline[1] = dict(_base_.train_pipeline[1], num_negatives=1)
train_pipeline[2] = dict(_base_.train_pipeline[2], streams=('rgb', 'motion'))
train_pipeline[4] = dict(type='PackSSLInputs', motion_target=True)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
