# CoViAR's network of motion vectors on HMDB51, from random weights (Tables 1 and 3).
_base_ = [
    '../../_base_/models/coviar_motion_classifier.py',
    '../../_base_/datasets/hmdb51_coviar_classification.py',
    '../../_base_/schedules/downstream_coviar_motion_hmdb51.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(backbone=dict(pretrained=None), cls_head=dict(num_classes=51))
# All layers learn alike.
optim_wrapper = dict(paramwise_cfg=dict(_delete_=True))
