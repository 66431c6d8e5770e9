# segment_order_demo by order, rates and contrast, which compares by the cosine.
_base_ = './segment_order_demo.py'

model = dict(head=dict(similarity=None, criterion=dict(temperature=0.2)), view_generator=None)
