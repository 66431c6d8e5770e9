# Retrieval on UCF101 by the RGB network, S3D, under the protocol of CoCLR; of any checkpoint that holds it.
_base_ = [
    '../../_base_/models/moco_s3d.py',
    '../../_base_/datasets/ucf101_mscl_retrieval.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(average_clips=False)
