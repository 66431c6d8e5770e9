# MVCGC on UCF101, both stages in one run.
_base_ = [
    '../_base_/models/mvcgc_s3d.py',
    '../_base_/datasets/ucf101_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/schedules/mvcgc_ucf101.py',
    '../_base_/default_runtime.py',
]

model = dict(cross_guidance_from=_base_.switch_epoch)
