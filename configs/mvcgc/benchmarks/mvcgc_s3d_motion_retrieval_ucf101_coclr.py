# Retrieval on UCF101 by motion alone, under the protocol of CoCLR; of any checkpoint that holds motion.
_base_ = [
    '../../_base_/models/moco_s3d.py',
    '../../_base_/datasets/ucf101_coclr_retrieval.py',
    '../../_base_/downstream_runtime.py',
]

test_dataloader = val_dataloader = dict(dataset=dict(streams=('motion',)))
model = dict(
    average_clips=False,
    # Where no RGB is decoded, motion has no size of RGB to be brought to.
    data_preprocessor=dict(motion=dict(size=128)),
    backbones=dict(_delete_=True, motion=dict(type='S3D', in_channels=2)),
    head=dict(stream='motion'),
)
