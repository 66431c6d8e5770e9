# Retrieval on UCF101 by RGB alone, under the protocol of CoCLR; of any checkpoint that holds RGB.
_base_ = [
    '../../_base_/models/moco_s3d.py',
    '../../_base_/datasets/ucf101_coclr_retrieval.py',
    '../../_base_/downstream_runtime.py',
]

test_dataloader = val_dataloader = dict(dataset=dict(streams=('rgb',)))
model = dict(average_clips=False)
