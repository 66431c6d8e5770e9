# VCOP with R(2+1)D with one block per layer, as in VCOP.
_base_ = './vcop_c3d.py'

model = dict(
    backbones=dict(
        rgb=dict(
            _delete_=True,
            type='VideoResNet',
            arch='r2plus1d',
            depth=10,
            mid_channels_by='convolution',
            factored_shortcuts=True,
        )
    )
)
