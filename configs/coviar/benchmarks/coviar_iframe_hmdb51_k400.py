# CoViAR's network of I-frames on HMDB51, pretrained on Kinetics-400 with labels (Table 1).
_base_ = [
    '../../_base_/models/coviar_iframe_classifier.py',
    '../../_base_/datasets/hmdb51_coviar_classification.py',
    '../../_base_/schedules/downstream_coviar_iframe_hmdb51.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(
    type='PretrainedBackbone',
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/coviar/coviar_iframe_k400_supervised/epoch_20.pth}}',
    prefix='backbone.',
)
model = dict(backbone=dict(pretrained=None, init_cfg=pretrained), cls_head=dict(num_classes=51))
train_dataloader = dict(
    batch_size=40, dataset=dict(streams=('iframe',), pipeline=_base_.iframe_pipeline)
)
val_dataloader = test_dataloader = dict(dataset=dict(streams=('iframe',)))
