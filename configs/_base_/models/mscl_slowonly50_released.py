# MSCL on SlowOnly-50 as its released code has it, by clips of 224 px.
_base_ = './mscl_r3d18.py'

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
        flow=dict(depth=50, temporal_strides=(2, 1, 1, 1, 1), stem_pool=True),
    ),
    # Of the pyramid's layers one is shared.
    neck=dict(in_channels=(512, 1024, 2048), num_shared=1),
    # One of eight angles, (.2 + .2 j) pi.
    flow_augment=dict(
        _delete_=True,
        type='FlowRotation',
        angles=tuple((0.2 + 0.2 * j) * 3.141592653589793 for j in range(8)),
    ),
    # Rotated flow has terms of its own within and between the modalities.
    contrast_augmented=True,
    head=dict(
        projector=dict(rgb=dict(in_channels=2048), flow=dict(in_channels=256)),
        local=dict(projections=dict(flow=dict(in_channels=256))),
        age_decay=0.99999,
        # Rises to 1 by half a cosine.
        momentum=dict(momentum=0.994, total_steps='training'),
    ),
)
