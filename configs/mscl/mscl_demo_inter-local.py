# mscl_demo by L_RGB, L_Flow, L_RF and L_LMC, Eq. (5).
_base_ = './mscl_demo.py'

model = dict(flow_augment=None)
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
