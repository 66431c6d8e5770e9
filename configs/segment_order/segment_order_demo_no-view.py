# segment_order_demo by order, rates and contrast by shuffle similarity, without synthesised views.
_base_ = './segment_order_demo.py'

model = dict(view_generator=None)
