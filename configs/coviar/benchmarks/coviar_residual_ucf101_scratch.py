# CoViAR's network of residuals on UCF101, from random weights (Tables 1 and 3).
_base_ = [
    '../../_base_/models/coviar_residual_classifier.py',
    '../../_base_/datasets/ucf101_coviar_classification.py',
    '../../_base_/schedules/downstream_coviar_residual.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(backbone=dict(pretrained=None))
# All layers learn alike.
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True))
train_dataloader = val_dataloader = test_dataloader = dict(dataset=dict(streams=('residual',)))
