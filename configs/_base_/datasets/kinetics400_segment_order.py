# The shuffled clips of ucf101_segment_order.py from Kinetics-400.
_base_ = './ucf101_segment_order.py'

data_root = '{{$SSVRL_DATA:data}}/kinetics400'
# No two clips of a class are of one YouTube video.
train_dataloader = dict(batch_size=32, dataset=dict(data_root=data_root, group=None))
