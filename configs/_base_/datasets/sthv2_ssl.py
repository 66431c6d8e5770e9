# Two clips of 32 consecutive frames per training video of Something-Something V2, each with its own
# crop and flip. As on Kinetics-400, motion of VP9 files is estimated.
_base_ = './kinetics400_ssl.py'

data_root = '{{$SSVRL_DATA:data}}/sthv2'
train_dataloader = dict(dataset=dict(data_root=data_root))
