# imrnet_demo by correspondence type prediction alone.
_base_ = './imrnet_demo.py'

ctp = _base_.model.heads.ctp
model = dict(heads=dict(_delete_=True, ctp=dict(ctp)))
del ctp
