# Ablation (Table 4): optical flow (TV-L1) in the place of motion vectors.
_base_ = './context_motion_c3d_ucf101.py'

flow = dict(motion='estimate', flow_method='tvl1')
train_dataloader = val_dataloader = test_dataloader = dict(dataset=dict(reader_options=flow))
