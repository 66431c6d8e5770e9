# CoCLR on the same streams and data: positives of one stream are mined in the other one alone.
_base_ = [
    '../_base_/models/coclr_s3d.py',
    '../_base_/datasets/ucf101_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/schedules/coclr_ucf101.py',
    '../_base_/default_runtime.py',
]

# A resting stream gets no gradient.
find_unused_parameters = True
