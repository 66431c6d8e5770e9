# segment_order_demo by the order of segments and their rates.
_base_ = './segment_order_demo.py'

model = dict(head=None, contrast_weight=1.0, view_generator=None)
train_dataloader = dict(dataset=dict(pipeline=_base_.one_clip_pipeline))
