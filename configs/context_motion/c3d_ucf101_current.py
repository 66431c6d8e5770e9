# Ablation (Table 1): predicts the motion of the clip itself instead of the motion that follows it.
_base_ = './c3d_ucf101.py'

train_pipeline = _base_.train_pipeline
train_pipeline[1].target = 'current'
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
