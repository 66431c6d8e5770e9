# CoViAR's network of residuals on HMDB51.
_base_ = './downstream_coviar_iframe.py'

train_cfg = dict(max_epochs=300)
optim_wrapper = dict(
    optimizer=dict(lr=1e-3),
    # Less slowly the layers that see another input than RGB.
    paramwise_cfg=dict(
        custom_keys={
            'backbone.conv1': dict(lr_mult=0.1),
            'backbone.input_norm': dict(lr_mult=0.1),
        }
    ),
)
param_scheduler = [dict(type='MultiStepLR', milestones=[120, 180, 240], gamma=0.1)]
