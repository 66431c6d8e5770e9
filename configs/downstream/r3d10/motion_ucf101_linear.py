# Linear probe of R3D-10 on motion vectors, on UCF101.
_base_ = './motion_ucf101_finetune.py'

model = dict(type='LinearProbe', cls_head=dict(dropout_ratio=0))
