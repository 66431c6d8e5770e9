# R(2+1)D-26 in the place of C3D, with the released code's max pooling after the stem.
_base_ = '../c3d/rgb_ucf101_finetune_released.py'

checkpoint = 'work_dirs/r2plus1d26_ucf101_released/epoch_120.pth'
pretrained = dict(_base_.model.backbone.init_cfg, checkpoint=checkpoint)
model = dict(
    backbone=dict(
        _delete_=True,
        type='VideoResNet',
        arch='r2plus1d',
        depth=26,
        stem_pool=True,
        init_cfg=pretrained,
    ),
    cls_head=dict(in_channels=2048),
)
