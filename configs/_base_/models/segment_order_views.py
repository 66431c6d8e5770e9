# The synthesis of views for segment order: a variational autoencoder (G) that keeps what a network of flow (O) sees in
# a clip, and not what a trained network (f) sees. A config names f, the checkpoint of a training without views.
model = dict(
    type='ViewSynthesizer',
    data_preprocessor=dict(
        type='SSLDataPreprocessor',
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    ),
    # Layers are our choice, of all three the sizes of inputs and outputs alone are given.
    view_generator=dict(
        type='ViewAutoencoder',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        channels=(32, 64, 128),
        latent_channels=64,
    ),
    flow_estimator=dict(type='FlowEstimator', channels=(32, 64, 96, 128)),
    feature_extractor=dict(
        type='VideoResNet',
        arch='r3d',
        depth=10,
        init_cfg=dict(
            type='PretrainedBackbone',
            checkpoint='{{$SSVRL_EXTRACTOR:work_dirs/segment_order/segment_order_r3d10_ucf101_no-view/epoch_300.pth}}',
            prefix='backbone_rgb.',
        ),
    ),
    # The weights of Eqs. (15), (16) and (14) are our choice. That the luma stays near the clip's is not in the paper:
    # with reconstruction=0.0 views of small networks became a grey lattice.
    weights=dict(info_max=1.0, info_min=1.0, kl=1e-3, reconstruction=10.0),
    # rho of Eqs. (13) and (15).
    penalty=dict(type='CharbonnierLoss', epsilon=1e-3),
)
