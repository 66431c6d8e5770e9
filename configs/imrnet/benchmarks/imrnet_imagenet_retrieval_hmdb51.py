# Retrieval on HMDB51 by the I-frames' features of a ResNet-152 with torchvision's weights of ImageNet: what
# Appendix D compares with. Nothing is trained.
_base_ = [
    '../../_base_/datasets/hmdb51_imrnet_retrieval.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(
    type='PretextRecognizer',
    data_preprocessor=dict(
        type='SSLDataPreprocessor',
        rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    ),
    backbones=dict(
        iframe=dict(type='FrameResNet', depth=152, pretrained='torchvision://resnet152')
    ),
    # A recognizer has one; it takes no part.
    head=dict(
        type='ClipContrastHead',
        channels=dict(iframe=2048),
        criterion=dict(type='InfoNCELoss', temperature=0.07),
    ),
    average_clips=False,
)
test_dataloader = val_dataloader = dict(dataset=dict(streams=('iframe',)))
test_evaluator = [
    dict(_base_.test_evaluator, streams=('iframe',), preset=preset) for preset in ('clean', 'vcop')
]
val_evaluator = test_evaluator
