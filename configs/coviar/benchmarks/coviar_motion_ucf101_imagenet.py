# CoViAR's network of motion vectors on UCF101, from weights of ImageNet (Table 1).
_base_ = [
    '../../_base_/models/coviar_motion_classifier.py',
    '../../_base_/datasets/ucf101_coviar_classification.py',
    '../../_base_/schedules/downstream_coviar_motion.py',
    '../../_base_/downstream_runtime.py',
]
