# Classification on Kinetics-400, tested on its validation videos; RGB.
_base_ = './ucf101_classification.py'

data_root = '{{$SSVRL_DATA:data}}/kinetics400'
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root, ann_file='val_list.txt'))
test_dataloader = dict(dataset=dict(data_root=data_root, ann_file='val_list.txt'))
