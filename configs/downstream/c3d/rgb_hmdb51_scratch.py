# C3D on RGB, trained on HMDB51 from random weights: the baseline of Tables 2 and 6.
_base_ = './rgb_hmdb51_finetune.py'

model = dict(backbone=dict(init_cfg=None))
