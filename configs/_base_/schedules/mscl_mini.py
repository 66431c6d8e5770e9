# The schedule of mscl.py over 100 epochs, for the ablations.
_base_ = './mscl.py'

max_epochs = 100
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=max_epochs, by_epoch=True, convert_to_iter_based=True)
]
