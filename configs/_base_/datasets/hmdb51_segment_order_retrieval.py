# The retrieval of ucf101_segment_order_retrieval.py on HMDB51 split 1.
_base_ = './ucf101_segment_order_retrieval.py'

retrieval_root = '{{$SSVRL_DATA:data}}/hmdb51'
test_dataloader = dict(dataset=dict(data_root=retrieval_root))
val_dataloader = test_dataloader
