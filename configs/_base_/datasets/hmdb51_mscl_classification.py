# The classification of ucf101_mscl_classification.py on HMDB51 split 1. A config says that there are 51 classes.
_base_ = './ucf101_mscl_classification.py'

data_root = '{{$SSVRL_DATA:data}}/hmdb51'
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
