# Retrieval on UCF101 by RGB, motion and both, under the protocol of CoCLR.
_base_ = [
    '../../_base_/models/mvcgc_s3d.py',
    '../../_base_/datasets/ucf101_coclr_retrieval.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(average_clips=False)
