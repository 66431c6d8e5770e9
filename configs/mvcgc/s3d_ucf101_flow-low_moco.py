# Optical flow of half the resolution, one value for each block of 2 x 2 px: the baseline "Init. OF_Low".
_base_ = './s3d_ucf101_flow_moco.py'

train_dataloader = val_dataloader = test_dataloader = dict(
    dataset=dict(reader_options=_base_.flow_low)
)
