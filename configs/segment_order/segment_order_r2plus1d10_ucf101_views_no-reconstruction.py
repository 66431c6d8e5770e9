# segment_order_r2plus1d10_ucf101_views.py after the letter of the paper, in which nothing but the flow keeps a view near its
# clip. Small networks then made a grey lattice of every clip within 160 steps.
_base_ = [
    '../_base_/models/segment_order_views_r2plus1d10.py',
    '../_base_/datasets/ucf101_segment_order_views.py',
    '../_base_/schedules/segment_order_views.py',
    '../_base_/default_runtime.py',
]

model = dict(weights=dict(reconstruction=0.0))
