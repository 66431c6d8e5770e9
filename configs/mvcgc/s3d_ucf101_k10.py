# Ablation: the 10 nearest queue entries of each stream are candidates (default: 5).
_base_ = './s3d_ucf101.py'

model = dict(head=dict(k=10))
