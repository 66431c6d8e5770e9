# Linear probe of R3D-10 on optical flow, on HMDB51.
_base_ = './flow_hmdb51_finetune.py'

model = dict(type='LinearProbe', cls_head=dict(dropout_ratio=0))
