# CoViAR's network of I-frames on HMDB51, pretrained without labels (Table 3).
_base_ = [
    '../../_base_/models/coviar_iframe_classifier.py',
    '../../_base_/datasets/hmdb51_coviar_classification.py',
    '../../_base_/schedules/downstream_coviar_iframe_hmdb51.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(
    type='PretrainedBackbone',
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/coviar/coviar_k400_ctp/epoch_20.pth}}',
    prefix='backbone.networks.iframe.',
)
model = dict(backbone=dict(pretrained=None, init_cfg=pretrained), cls_head=dict(num_classes=51))
# All layers learn alike.
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True))
train_dataloader = dict(
    batch_size=40, dataset=dict(streams=('iframe',), pipeline=_base_.iframe_pipeline)
)
val_dataloader = test_dataloader = dict(dataset=dict(streams=('iframe',)))
