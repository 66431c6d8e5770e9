# CoViAR's network of I-frames on UCF101, from random weights (Tables 1 and 3).
_base_ = [
    '../../_base_/models/coviar_iframe_classifier.py',
    '../../_base_/datasets/ucf101_coviar_classification.py',
    '../../_base_/schedules/downstream_coviar_iframe.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(backbone=dict(pretrained=None))
# All layers learn alike.
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True))
train_dataloader = dict(dataset=dict(streams=('iframe',), pipeline=_base_.iframe_pipeline))
val_dataloader = test_dataloader = dict(dataset=dict(streams=('iframe',)))
