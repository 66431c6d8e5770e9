# The classification of ucf101_segment_order_classification.py on HMDB51 split 1, of whose 3,570 training videos 400 are
# held out. A config says that there are 51 classes.
_base_ = './ucf101_segment_order_classification.py'

data_root = '{{$SSVRL_DATA:data}}/hmdb51'
train_dataloader = dict(dataset=dict(data_root=data_root, share=400 / 3570))
val_dataloader = dict(dataset=dict(data_root=data_root, share=400 / 3570))
test_dataloader = dict(dataset=dict(data_root=data_root))
