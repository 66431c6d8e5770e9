# The same on HMDB51 split 1, with its own learning rate and weight decay.
_base_ = './two_view_ucf101_finetune.py'

data_root = '{{$SSVRL_DATA:data}}/hmdb51'
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
classifier = dict(cls_head=dict(num_classes=51))
model = dict(classifiers=dict(rgb=classifier, motion=classifier))
optim_wrapper = dict(optimizer=dict(lr=2e-4 * 8, weight_decay=2e-3))
