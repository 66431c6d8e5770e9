# CoViAR's network of residuals on UCF101.
_base_ = './downstream_coviar_iframe.py'

optim_wrapper = dict(
    optimizer=dict(lr=5e-3),
    # Less slowly the layers that see another input than RGB.
    paramwise_cfg=dict(
        custom_keys={
            'backbone.conv1': dict(lr_mult=0.1),
            'backbone.input_norm': dict(lr_mult=0.1),
        }
    ),
)
