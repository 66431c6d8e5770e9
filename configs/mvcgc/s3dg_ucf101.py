# S3D-G, S3D with feature gating, in the place of S3D.
_base_ = [
    '../_base_/models/mvcgc_s3d.py',
    '../_base_/datasets/ucf101_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/schedules/mvcgc_ucf101.py',
    '../_base_/default_runtime.py',
]

model = dict(backbones=dict(rgb=dict(gating=True), motion=dict(gating=True)))
