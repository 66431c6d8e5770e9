# Linear probe of C3D on RGB, on UCF101. The paper has none: its finetuning with a frozen backbone.
_base_ = './rgb_ucf101_finetune.py'

model = dict(type='LinearProbe', cls_head=dict(dropout_ratio=0))
