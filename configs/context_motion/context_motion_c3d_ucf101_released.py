# As the released code trains C3D on UCF101: with its own Transformer, motion and schedule; the two losses are
# added up, and BatchNorm is synchronised.
_base_ = [
    '../_base_/models/context_motion_c3d.py',
    '../_base_/datasets/ucf101_context_motion_released.py',
    '../_base_/schedules/context_motion_released.py',
    '../_base_/default_runtime.py',
]

sync_bn = 'torch'
# Its perceptrons start by He's rule.
kaiming = dict(type='Kaiming', layer='Conv1d')
# Its motion network keeps the resolution in the stem and has a max pooling after it, as all its ResNets.
model = dict(
    backbones=dict(
        rgb=dict(bias=True),
        iframe=dict(stem_pool=True, zero_init_residual=True),
        motion=dict(stem_pool=True, spatial_strides=(1, 1, 2, 2, 2), zero_init_residual=True),
    ),
    context_head=dict(loss_weight=1.0, init_cfg=kaiming),
    motion_head=dict(
        loss_weight=1.0,
        predictor=dict(type='DETRPredictor'),
        objective=dict(init_cfg=kaiming),
    ),
)
