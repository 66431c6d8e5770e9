# The two clips per video of ucf101_ssl.py from Kinetics-400.
_base_ = './ucf101_ssl.py'

data_root = '{{$SSVRL_DATA:data}}/kinetics400'
# Some videos come as VP9, whose vectors FFmpeg does not export: those are estimated.
# No two clips of a class are of one YouTube video.
train_dataloader = dict(
    dataset=dict(data_root=data_root, group=None, reader_options=dict(motion='auto'))
)
