# C3D on RGB, trained on HMDB51 from random weights and regularised by motion prediction (Table 6).
_base_ = './rgb_ucf101_regularized.py'

data_root = '{{$SSVRL_DATA:data}}/hmdb51'
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
model = dict(cls_head=dict(num_classes=51))
optim_wrapper = dict(optimizer=dict(lr=2e-4 * 8, weight_decay=2e-3))
