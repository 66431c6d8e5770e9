# The generator of views of segment_order_r2plus1d10_ucf101.py; the feature extractor is the R(2+1)D-10 of
# segment_order_r2plus1d10_ucf101_no-view.py.
_base_ = [
    '../_base_/models/segment_order_views_r2plus1d10.py',
    '../_base_/datasets/ucf101_segment_order_views.py',
    '../_base_/schedules/segment_order_views.py',
    '../_base_/default_runtime.py',
]
