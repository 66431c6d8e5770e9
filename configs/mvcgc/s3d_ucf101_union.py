# Ablation: an entry is a positive when either stream proposes it (default: when both do).
_base_ = './s3d_ucf101.py'

model = dict(head=dict(mining='union'))
