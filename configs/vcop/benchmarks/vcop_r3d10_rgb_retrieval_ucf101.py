# Retrieval on UCF101 by R3D-10, clip by clip as in VCOP (preset `vcop`) and by the mean of the clips.
_base_ = [
    '../../_base_/models/vcop_r3d10.py',
    '../../_base_/datasets/ucf101_segment_order_retrieval.py',
    '../../_base_/downstream_runtime.py',
]
