# CoViAR's network of optical flow on UCF101, from weights of ImageNet (Table 1).
_base_ = [
    '../../_base_/models/coviar_flow_classifier.py',
    '../../_base_/datasets/ucf101_coviar_classification.py',
    '../../_base_/datasets/optical_flow.py',
    '../../_base_/schedules/downstream_coviar_motion.py',
    '../../_base_/downstream_runtime.py',
]

train_dataloader = val_dataloader = test_dataloader = dict(
    dataset=dict(streams=('flow',), reader_options=_base_.flow)
)
