# IMRNet of 50 layers with a classifier on the pooled features of its three pathways.
model = dict(
    type='MultiStreamClassifier',
    data_preprocessor=dict(
        type='SSLDataPreprocessor',
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
        # As in pretraining: cut off at 20 px per frame, brought to the size of the I-frames.
        motion=dict(clip=20.0, size='rgb'),
        residual=dict(scale=255.0),
        flow=dict(clip=20.0),
    ),
    backbone=dict(
        type='IMRNet',
        depth=50,
        # None: from random weights.
        init_cfg=dict(
            type='PretrainedBackbone',
            checkpoint='{{$SSVRL_PRETRAINED:work_dirs/imrnet/imrnet_r50_k400_supervised/epoch_20.pth}}',
            prefix='backbone.',
        ),
    ),
    cls_head=dict(
        type='ClassificationHead',
        in_channels=2048 + 128 + 128,
        num_classes=101,
        dropout_ratio=0.5,
        average_clips='prob',
    ),
    # Clips of one video at a time; needs a batch size of 1 in tests.
    test_cfg=dict(max_testing_views=6),
)
