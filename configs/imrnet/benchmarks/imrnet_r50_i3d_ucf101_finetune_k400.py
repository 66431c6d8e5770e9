# IMRNet of 50 layers with I3D on optical flow, pretrained on Kinetics-400 with labels and finetuned on
# UCF101 (Table 1).
_base_ = [
    '../../_base_/models/imrnet_r50_i3d_classifier.py',
    '../../_base_/datasets/ucf101_imrnet_classification.py',
    '../../_base_/datasets/optical_flow.py',
    '../../_base_/schedules/downstream_imrnet.py',
    '../../_base_/downstream_runtime.py',
]

train_dataloader = val_dataloader = test_dataloader = dict(
    dataset=dict(streams=('iframe', 'motion', 'residual', 'flow'), reader_options=_base_.flow)
)
