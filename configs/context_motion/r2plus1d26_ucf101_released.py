# As the released code trains R(2+1)D-26 on UCF101: besides, both tasks look at its layer-4 map, enlarged and
# added to pairs of frames of the layer-3 map.
_base_ = './c3d_ucf101_released.py'

model = dict(
    backbone_rgb=dict(
        _delete_=True,
        type='VideoResNet',
        arch='r2plus1d',
        depth=26,
        stem_pool=True,
        zero_init_residual=True,
        out_indices=(3, 4),
    ),
    neck=dict(type='PairedStageFusion'),
    context_head=dict(in_channels=2048),
    motion_head=dict(predictor=dict(in_channels=2048)),
)
