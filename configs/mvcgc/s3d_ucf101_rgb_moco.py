# RGB alone: its half of stage 1, and the baseline "Init. RGB". Motion is not decoded.
_base_ = [
    '../_base_/models/moco_s3d.py',
    '../_base_/datasets/ucf101_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/schedules/mvcgc_ucf101_init.py',
    '../_base_/default_runtime.py',
]

train_pipeline = _base_.train_pipeline
train_pipeline[2].streams = ('rgb',)
test_pipeline = _base_.test_pipeline
test_pipeline[2].streams = ('rgb',)

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
gallery = dict(_base_.gallery, pipeline=test_pipeline)
query = dict(_base_.query, pipeline=test_pipeline)
val_dataloader = dict(dataset=dict(datasets=[gallery, query]))
test_dataloader = dict(dataset=dict(datasets=[gallery, query]))
val_evaluator = dict(streams=('rgb',))
test_evaluator = dict(streams=('rgb',))
