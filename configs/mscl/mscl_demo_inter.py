# mscl_demo by L_RGB, L_Flow and L_RF.
_base_ = './mscl_demo.py'

model = dict(
    neck=None,
    flow_augment=None,
    head=dict(local=None),
    answers_pretext=False,
)
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
test_evaluator = [_base_.test_evaluator[0]]
val_evaluator = test_evaluator
