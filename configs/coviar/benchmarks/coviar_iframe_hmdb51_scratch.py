# CoViAR's network of I-frames on HMDB51, from random weights (Tables 1 and 3).
_base_ = [
    '../../_base_/models/coviar_iframe_classifier.py',
    '../../_base_/datasets/hmdb51_coviar_classification.py',
    '../../_base_/schedules/downstream_coviar_iframe_hmdb51.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(backbone=dict(pretrained=None), cls_head=dict(num_classes=51))
# All layers learn alike.
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True))
train_dataloader = dict(
    batch_size=40, dataset=dict(streams=('iframe',), pipeline=_base_.iframe_pipeline)
)
val_dataloader = test_dataloader = dict(dataset=dict(streams=('iframe',)))
