# Ablation (Table 1): predicts the quantised values of the motion vectors, by cross-entropy.
_base_ = './c3d_ucf101_mse.py'

model = dict(motion_head=dict(objective=dict(type='MotionClassification', num_bins=21)))
