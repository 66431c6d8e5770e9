# Ablation: cross guidance from the first epoch on, without initialisation.
_base_ = './s3d_ucf101_cross.py'

load_from = None
