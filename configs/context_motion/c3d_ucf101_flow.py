# Ablation (Table 4): optical flow (TV-L1) in the place of motion vectors.
_base_ = './c3d_ucf101.py'

open_video = dict(type='OpenCompressedVideo', motion='estimate', flow='tvl1')
train_pipeline = [open_video, *_base_.train_pipeline[1:]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

test_pipeline = [open_video, *_base_.test_pipeline[1:]]
gallery = dict(_base_.gallery, pipeline=test_pipeline)
query = dict(_base_.query, pipeline=test_pipeline)
test_dataloader = dict(dataset=dict(datasets=[gallery, query]))
val_dataloader = test_dataloader
