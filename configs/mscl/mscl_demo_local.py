# mscl_demo by L_RGB, L_Flow and L_LMC, Eq. (5): the streams meet in the local term alone.
_base_ = './mscl_demo.py'

model = dict(flow_augment=None, head=dict(weights=dict(inter=0)))
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
