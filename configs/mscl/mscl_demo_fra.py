# mscl_demo without MDS: L_RGB, L_Flow, L_RF and L_LMC with FRA, Eq. (6).
_base_ = './mscl_demo.py'

train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
