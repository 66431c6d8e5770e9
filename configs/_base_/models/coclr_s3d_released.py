# CoCLR on RGB and optical flow with what its released code has otherwise than its paper.
_base_ = './coclr_s3d.py'

model = dict(
    backbones=dict(
        _delete_=True, rgb=dict(type='S3D', in_channels=3), flow=dict(type='S3D', in_channels=2)
    ),
    head=dict(
        streams=('rgb', 'flow'),
        # Where others were mined, the own key is a positive in one iteration of ten.
        own_key_p=0.1,
        # The guide is the trained network of the other stream, in evaluation.
        fixed_guide=True,
        # Entries from the query's own source are positives, too.
        sibling_positives=True,
    ),
)
