# CoViAR's network of I-frames on HMDB51.
_base_ = './downstream_coviar_iframe.py'

train_cfg = dict(max_epochs=220)
param_scheduler = [dict(type='MultiStepLR', milestones=[55, 110, 165], gamma=0.1)]
auto_scale_lr = dict(base_batch_size=40)
