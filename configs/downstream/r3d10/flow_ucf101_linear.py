# Linear probe of R3D-10 on optical flow, on UCF101.
_base_ = './flow_ucf101_finetune.py'

model = dict(type='LinearProbe', cls_head=dict(dropout_ratio=0))
