# Linear probe of R3D-10 on motion vectors, on HMDB51.
_base_ = './motion_hmdb51_finetune.py'

model = dict(type='LinearProbe', cls_head=dict(dropout_ratio=0))
