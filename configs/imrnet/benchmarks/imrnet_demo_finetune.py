# imrnet_demo_scratch.py from the weights that imrnet_demo.py has learned.
_base_ = './imrnet_demo_scratch.py'

init_cfg = dict(
    _delete_=True,
    type='PretrainedBackbone',
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/imrnet/imrnet_demo/epoch_8.pth}}',
    prefix='backbone.',
)
model = dict(backbone=dict(init_cfg=init_cfg))
del init_cfg
