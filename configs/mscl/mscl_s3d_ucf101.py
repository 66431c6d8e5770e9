# MSCL on UCF101 with S3D, flow by RAFT.
_base_ = [
    '../_base_/models/mscl_s3d.py',
    '../_base_/datasets/ucf101_mscl.py',
    '../_base_/datasets/ucf101_mscl_retrieval.py',
    '../_base_/schedules/mscl.py',
    '../_base_/default_runtime.py',
]

# Retrieval scales the features of clips before it averages them.
model = dict(average_clips=False)

max_epochs = 600
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=max_epochs, by_epoch=True, convert_to_iter_based=True)
]
