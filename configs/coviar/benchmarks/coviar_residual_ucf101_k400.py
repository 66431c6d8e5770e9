# CoViAR's network of residuals on UCF101, pretrained on Kinetics-400 with labels (Table 1).
_base_ = [
    '../../_base_/models/coviar_residual_classifier.py',
    '../../_base_/datasets/ucf101_coviar_classification.py',
    '../../_base_/schedules/downstream_coviar_residual.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(
    type='PretrainedBackbone',
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/coviar/coviar_residual_k400_supervised/epoch_20.pth}}',
    prefix='backbone.',
)
model = dict(backbone=dict(pretrained=None, init_cfg=pretrained))
train_dataloader = val_dataloader = test_dataloader = dict(dataset=dict(streams=('residual',)))
