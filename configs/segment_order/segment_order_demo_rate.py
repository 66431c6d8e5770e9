# segment_order_demo by the order of segments and their rates.
_base_ = './segment_order_demo.py'

model = dict(head=None, view_generator=None)
train_dataloader = dict(dataset=dict(pipeline=_base_.one_clip_pipeline))
