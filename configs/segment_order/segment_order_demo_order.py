# segment_order_demo by the order of segments alone.
_base_ = './segment_order_demo.py'

model = dict(rate=None, head=None, contrast_weight=1.0, view_generator=None)
train_dataloader = dict(dataset=dict(pipeline=_base_.one_clip_pipeline))
test_evaluator = _base_.test_evaluator[:2]
val_evaluator = test_evaluator
