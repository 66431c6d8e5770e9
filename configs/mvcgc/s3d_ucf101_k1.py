# Ablation: the nearest queue entry of each stream is a candidate (default: 5).
_base_ = './s3d_ucf101.py'

model = dict(head=dict(k=1))
