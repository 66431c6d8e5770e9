# Finetuning in IMRNet, on HMDB51: 300 epochs of which 30 are warm-up.
_base_ = './downstream_imrnet.py'

max_epochs = 300
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [_base_.warm_up, dict(_base_.cosine, T_max=max_epochs - 30, end=max_epochs)]
