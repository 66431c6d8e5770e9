# mscl_demo on videos whose camera is still, so that only the object moves.
_base_ = './mscl_demo.py'

data_root = '{{$SSVRL_DATA:data}}/motion_primitives_72_still'
videos = dict(data_root=data_root, spec=dict(_base_.spec, drift=0))
train_dataloader = dict(dataset=videos)
test_dataloader = dict(dataset=videos)
val_dataloader = test_dataloader
del videos
