# Table VII: the rates of a clip of each test video of UCF101, by R(2+1)D-10 that learned nothing else.
_base_ = [
    '../../_base_/models/segment_order_r2plus1d10.py',
    '../../_base_/datasets/ucf101_segment_order_pretext.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(order=None, head=None, view_generator=None, answers_pretext=True)
test_evaluator = [_base_.test_evaluator, dict(type='SamplingRateError')]
val_evaluator = test_evaluator
