# CoViAR's network of I-frames on HMDB51, from weights of ImageNet (Table 1).
_base_ = [
    '../../_base_/models/coviar_iframe_classifier.py',
    '../../_base_/datasets/hmdb51_coviar_classification.py',
    '../../_base_/schedules/downstream_coviar_iframe_hmdb51.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(cls_head=dict(num_classes=51))
train_dataloader = dict(
    batch_size=40, dataset=dict(streams=('iframe',), pipeline=_base_.iframe_pipeline)
)
val_dataloader = test_dataloader = dict(dataset=dict(streams=('iframe',)))
