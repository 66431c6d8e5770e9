# "Init. MV_CoViAR" in its other reading: motion vectors of the re-encoded videos, not accumulated.
_base_ = './s3d_ucf101_mv_moco.py'

train_dataloader = val_dataloader = test_dataloader = dict(
    dataset=dict(data_prefix=dict(video='gop12'))
)
