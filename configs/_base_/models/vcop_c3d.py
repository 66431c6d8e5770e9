# VCOP with C3D: three clips go through one network, and a head tells their order from pairs of features.
model = dict(
    type='ClipOrderRecognizer',
    data_preprocessor=dict(
        type='SSLDataPreprocessor',
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
        augment=None,
        # Labels are checked before they go to the device.
        host_fields=('gt_label', 'augmented_clips', 'clip_order'),
    ),
    backbones=dict(rgb=dict(type='C3D')),
    head=dict(type='ClipOrderHead', in_channels=512, num_clips=3, hidden_channels=512, dropout=0.5),
    # Retrieval is clip by clip.
    average_clips=False,
)
