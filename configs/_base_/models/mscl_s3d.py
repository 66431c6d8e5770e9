# MSCL with S3D on RGB.
_base_ = './mscl_r3d18.py'

model = dict(
    backbones=dict(
        # mixed_3c, mixed_4f and mixed_5c.
        rgb=dict(_delete_=True, type='S3D', in_channels=3, out_indices=(2, 3, 4))
    ),
    neck=dict(in_channels=(480, 832, 1024)),
    head=dict(projector=dict(rgb=dict(in_channels=1024))),
)
