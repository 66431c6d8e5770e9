# C3D on residuals, finetuned on UCF101 from a backbone of RGB: none is pretrained on residuals.
_base_ = [
    '../../_base_/models/c3d_classifier.py',
    '../../_base_/datasets/ucf101_classification_context_motion_residual.py',
    '../../_base_/schedules/downstream_context_motion.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(data_preprocessor=dict(stream='residual'))
