# Linear probes of C3D on RGB and R3D-10 on motion vectors, on HMDB51, probabilities averaged.
_base_ = './two_view_hmdb51_finetune.py'

probe = dict(type='LinearProbe', cls_head=dict(dropout_ratio=0))
model = dict(classifiers=dict(rgb=probe, motion=probe))
