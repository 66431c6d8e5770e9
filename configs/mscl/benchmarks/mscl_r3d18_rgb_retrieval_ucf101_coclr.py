# Retrieval on UCF101 by the RGB network, R3D-18, under the protocol of CoCLR; of any checkpoint that holds it.
_base_ = [
    '../../_base_/models/moco_s3d.py',
    '../../_base_/datasets/ucf101_mscl_retrieval.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(
    backbones=dict(rgb=dict(_delete_=True, type='VideoResNet', arch='r3d', depth=18)),
    head=dict(projector=dict(in_channels=512, hidden_channels=512)),
    average_clips=False,
)
