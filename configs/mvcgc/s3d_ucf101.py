# MVCGC on UCF101, both stages in one run: each stream alone until epoch 300, then cross guidance.
_base_ = [
    '../_base_/models/mvcgc_s3d.py',
    '../_base_/datasets/ucf101_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/schedules/mvcgc_ucf101.py',
    '../_base_/default_runtime.py',
]
