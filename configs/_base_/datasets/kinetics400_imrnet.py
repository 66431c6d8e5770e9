# The groups of pictures of ucf101_imrnet.py from Kinetics-400.
_base_ = './ucf101_imrnet.py'

data_root = '{{$SSVRL_DATA:data}}/kinetics400'
# Some videos come as VP9, whose vectors FFmpeg does not export: those are estimated.
train_dataloader = dict(dataset=dict(data_root=data_root, reader_options=dict(motion='auto')))
