# Motion vectors as CoViAR has them, the baseline "Init. MV_CoViAR": of videos that were re-encoded as
# MPEG-4 Part 2, an I-frame and 11 P-frames by turns, and accumulated since the I-frame.
_base_ = './s3d_ucf101_mv_moco.py'

train_dataloader = val_dataloader = test_dataloader = dict(
    dataset=dict(data_prefix=dict(video='gop12'), reader_options=dict(accumulate=True))
)
