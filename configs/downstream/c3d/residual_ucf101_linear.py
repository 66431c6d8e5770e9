# Linear probe of C3D on residuals, on UCF101.
_base_ = './residual_ucf101_finetune.py'

model = dict(type='LinearProbe', cls_head=dict(dropout_ratio=0))
