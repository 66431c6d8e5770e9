# MSCL on SlowOnly-50 as its released code has it, by clips of 224 px.
_base_ = './mscl_r3d18_released.py'

model = dict(
    backbones=dict(
        rgb=dict(
            _delete_=True,
            type='mmaction.ResNet3dSlowOnly',
            depth=50,
            pretrained=None,
            lateral=False,
            conv1_kernel=(5, 7, 7),
            conv1_stride_t=2,
            pool1_stride_t=1,
            out_indices=(1, 2, 3),
        ),
        # An eighth of the channels of a ResNet-50; the stem takes every second map.
        flow=dict(depth=50, width=0.125, stem_pool=True),
    ),
    # Of the pyramid's layers one is shared.
    neck=dict(in_channels=(512, 1024, 2048), num_shared=1),
    head=dict(
        projector=dict(rgb=dict(in_channels=2048), flow=dict(in_channels=256)),
        local=dict(
            projections=dict(
                _delete_=True,
                flow=dict(type='Conv1d', in_channels=256, out_channels=128, kernel_size=1),
            )
        ),
    ),
)
