# Stage 1 alone: both streams side by side, each with its own InfoNCE.
_base_ = [
    '../_base_/models/mvcgc_s3d.py',
    '../_base_/datasets/ucf101_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/schedules/mvcgc_ucf101_init.py',
    '../_base_/default_runtime.py',
]

model = dict(stages=[(0, 'init')])
