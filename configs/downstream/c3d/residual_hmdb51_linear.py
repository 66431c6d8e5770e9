# Linear probe of C3D on residuals, on HMDB51.
_base_ = './residual_hmdb51_finetune.py'

model = dict(type='LinearProbe', cls_head=dict(dropout_ratio=0))
