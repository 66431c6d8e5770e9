# RGB and motion vectors, finetuned on HMDB51, probabilities averaged, pretrained on Kinetics-400.
_base_ = [
    '../../_base_/models/s3d_two_stream_classifier.py',
    '../../_base_/datasets/hmdb51_classification.py',
    '../../_base_/schedules/downstream_mvcgc.py',
    '../../_base_/downstream_runtime.py',
]

train_dataloader = val_dataloader = test_dataloader = dict(dataset=dict(streams=('rgb', 'motion')))
pretrained = dict(checkpoint='{{$SSVRL_PRETRAINED:work_dirs/mvcgc/s3d_k400/epoch_250.pth}}')
classifier = dict(backbone=dict(init_cfg=pretrained), cls_head=dict(num_classes=51))
model = dict(classifiers=dict(rgb=classifier, motion=classifier))
