# Ablation (Table 4): context matching alone.
_base_ = './context_motion_c3d_ucf101.py'

train_dataloader = val_dataloader = test_dataloader = dict(dataset=dict(streams=('rgb', 'iframe')))
model = dict(backbones=dict(motion=None), motion_head=None, context_head=dict(loss_weight=1.0))
test_evaluator = val_evaluator = dict(streams=('rgb', 'iframe'))
