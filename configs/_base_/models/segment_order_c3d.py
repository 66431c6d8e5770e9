# Segment order with C3D: the order of three segments, the rate of each, and momentum contrast that finds out which
# segment is which. Half of the keys are views of the query, synthesised by a generator that was trained before.
model = dict(
    type='SegmentOrderRecognizer',
    data_preprocessor=dict(
        type='SSLDataPreprocessor',
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
        augment=dict(
            color_jitter=dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.0, p=0.8)
        ),
        # Labels are checked before they go to the device.
        host_fields=(
            'gt_label',
            'augmented_clips',
            'segment_order',
            'segment_lengths',
            'sampling_rates',
        ),
    ),
    backbones=dict(rgb=dict(type='C3D')),
    # The weights of the loss are 1, 0.3 and 1.
    order=dict(
        type='SegmentOrderHead',
        in_channels=512,
        num_segments=3,
        hidden_channels=512,
        loss_weight=1.0,
    ),
    rate=dict(
        type='SamplingRateHead',
        in_channels=512,
        num_segments=3,
        max_rate=8,
        task='regression',
        loss_weight=0.3,
    ),
    head=dict(
        type='MoCoHead',
        # The paper's 128 values are not to be divided by 3.
        projector=dict(
            type='ProjectionHead', in_channels=512, hidden_channels=512, out_channels=129
        ),
        similarity=dict(type='ShuffleSimilarity', num_parts=3),
        queue_length=4096,
        momentum=0.999,
        criterion=dict(type='InfoNCELoss', temperature=0.14),
    ),
    view_generator=dict(
        type='ViewAutoencoder',
        init_cfg=dict(
            type='Pretrained',
            checkpoint='{{$SSVRL_VIEWS:work_dirs/segment_order/segment_order_c3d_ucf101_views/epoch_30.pth}}',
            prefix='view_generator.',
        ),
    ),
    view_probability=0.5,
    # Retrieval is clip by clip.
    average_clips=False,
)
