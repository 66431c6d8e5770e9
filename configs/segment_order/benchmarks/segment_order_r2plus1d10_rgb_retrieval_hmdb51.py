# Retrieval on HMDB51 by R(2+1)D-10, clip by clip as in VCOP (preset `vcop`) and by the mean of the clips.
_base_ = [
    '../../_base_/models/segment_order_r2plus1d10.py',
    '../../_base_/datasets/hmdb51_segment_order_retrieval.py',
    '../../_base_/downstream_runtime.py',
]

model = dict(view_generator=None)
