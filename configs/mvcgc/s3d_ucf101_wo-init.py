# Ablation: cross guidance from the first epoch on, without initialisation.
_base_ = [
    '../_base_/models/mvcgc_s3d.py',
    '../_base_/datasets/ucf101_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/schedules/mvcgc_ucf101_cross.py',
    '../_base_/default_runtime.py',
]

model = dict(stages=[(0, 'cross')])
