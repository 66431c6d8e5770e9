# CoViAR's network of residuals on HMDB51, pretrained without labels (Table 3).
_base_ = [
    '../../_base_/models/coviar_residual_classifier.py',
    '../../_base_/datasets/hmdb51_coviar_classification.py',
    '../../_base_/schedules/downstream_coviar_residual_hmdb51.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(
    type='PretrainedBackbone',
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/coviar/coviar_k400_ctp/epoch_20.pth}}',
    prefix='backbone.networks.residual.',
)
model = dict(backbone=dict(pretrained=None, init_cfg=pretrained), cls_head=dict(num_classes=51))
# All layers learn alike.
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True))
train_dataloader = val_dataloader = test_dataloader = dict(dataset=dict(streams=('residual',)))
