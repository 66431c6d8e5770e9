# Stage 2 alone, from the last checkpoint of s3d_ucf101_init.py (queue included).
_base_ = [
    '../_base_/models/mvcgc_s3d.py',
    '../_base_/datasets/ucf101_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/schedules/mvcgc_ucf101_cross.py',
    '../_base_/default_runtime.py',
]

model = dict(stages=[(0, 'cross')])

load_from = 'work_dirs/mvcgc/s3d_ucf101_init/epoch_300.pth'
