# The same on HMDB51 split 1.
_base_ = './context_motion_r3d26_ucf101.py'

retrieval_root = '{{$SSVRL_DATA:data}}/hmdb51'
gallery = dict(_base_.gallery, data_root=retrieval_root)
query = dict(_base_.query, data_root=retrieval_root)
test_dataloader = dict(dataset=dict(datasets=[gallery, query]))
val_dataloader = test_dataloader
