# RGB and optical flow of CoCLR, finetuned on UCF101 with its schedule, probabilities averaged.
_base_ = [
    '../../_base_/models/s3d_rgb_flow_classifier.py',
    '../../_base_/datasets/ucf101_classification.py',
    '../../_base_/datasets/optical_flow.py',
    '../../_base_/schedules/downstream_coclr.py',
    '../../_base_/downstream_runtime.py',
]

train_dataloader = val_dataloader = test_dataloader = dict(
    dataset=dict(streams=('rgb', 'flow'), reader_options=_base_.flow)
)
pretrained = dict(
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/mvcgc/coclr_s3d_ucf101_flow/epoch_700.pth}}'
)
classifier = dict(backbone=dict(init_cfg=pretrained))
model = dict(classifiers=dict(rgb=classifier, flow=classifier))
