# Motion alone: its half of stage 1, and the baseline "Init. MV".
_base_ = [
    '../_base_/models/moco_s3d.py',
    '../_base_/datasets/ucf101_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/schedules/mvcgc_ucf101_init.py',
    '../_base_/default_runtime.py',
]

train_dataloader = val_dataloader = test_dataloader = dict(dataset=dict(streams=('motion',)))
model = dict(
    # Where no RGB is decoded, motion has no size of RGB to be brought to.
    data_preprocessor=dict(motion=dict(size=128)),
    backbones=dict(_delete_=True, motion=dict(type='S3D', in_channels=2)),
    head=dict(stream='motion'),
)
