# CoViAR's network of residuals on UCF101, from weights of ImageNet (Table 1).
_base_ = [
    '../../_base_/models/coviar_residual_classifier.py',
    '../../_base_/datasets/ucf101_coviar_classification.py',
    '../../_base_/schedules/downstream_coviar_residual.py',
    '../../_base_/downstream_runtime.py',
]

train_dataloader = val_dataloader = test_dataloader = dict(dataset=dict(streams=('residual',)))
