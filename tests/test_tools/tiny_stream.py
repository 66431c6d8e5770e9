# The classifier of one stream of the tiny probe alone.
_base_ = ['./tiny_probe.py']

model = dict(_delete_=True, **_base_.model.classifiers['{{$STREAM:rgb}}'])
