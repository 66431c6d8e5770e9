# RGB alone: its half of stage 1, and the baseline "Init. RGB". Motion is not decoded.
_base_ = [
    '../_base_/models/moco_s3d.py',
    '../_base_/datasets/ucf101_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/schedules/mvcgc_ucf101_init.py',
    '../_base_/default_runtime.py',
]

train_dataloader = val_dataloader = test_dataloader = dict(dataset=dict(streams=('rgb',)))
