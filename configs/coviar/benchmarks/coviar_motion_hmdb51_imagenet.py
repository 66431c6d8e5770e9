# CoViAR's network of motion vectors on HMDB51, from weights of ImageNet (Table 1).
_base_ = [
    '../../_base_/models/coviar_motion_classifier.py',
    '../../_base_/datasets/hmdb51_coviar_classification.py',
    '../../_base_/schedules/downstream_coviar_motion_hmdb51.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(cls_head=dict(num_classes=51))
