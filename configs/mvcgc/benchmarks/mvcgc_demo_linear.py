# The demo's two backbones frozen, with a linear classifier on each: accuracies of RGB, motion and both.
_base_ = './mvcgc_demo_finetune.py'

probe = dict(type='LinearProbe', cls_head=dict(feature_norm=('l2', 'batch'), dropout_ratio=0))
model = dict(classifiers=dict(rgb=probe, motion=probe))
