# imrnet_demo by pyramidal motion statistics prediction alone.
_base_ = './imrnet_demo.py'

pmsp = _base_.model.heads.pmsp
model = dict(heads=dict(_delete_=True, pmsp=dict(pmsp)), correspondence=None)
del pmsp
test_evaluator = [_base_.test_evaluator[0], dict(type='PretextAccuracy')]
val_evaluator = test_evaluator
