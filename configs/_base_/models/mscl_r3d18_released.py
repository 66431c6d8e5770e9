# MSCL on R3D-18 with what its released code has otherwise than its paper.
_base_ = './mscl_r3d18.py'

model = dict(
    backbones=dict(
        # A quarter of the channels; the stem takes every second map.
        flow=dict(width=0.25, temporal_strides=(2, 1, 1, 1, 1))
    ),
    # One of eight angles, (.2 + .2 j) pi.
    flow_augment=dict(
        _delete_=True,
        type='FlowRotation',
        angles=tuple((0.2 + 0.2 * j) * 3.141592653589793 for j in range(8)),
    ),
    # Rotated flow has terms of its own within and between the modalities.
    contrast_augmented=True,
    head=dict(
        projector=dict(flow=dict(in_channels=128)),
        # Both local features have 128 values.
        local=dict(projections=None),
        age_decay=0.99999,
        # Rises to 1 by half a cosine.
        momentum=dict(momentum=0.994, total_steps='training'),
    ),
)
