# R(2+1)D-10 on Kinetics-400 without synthesised views (Table X).
_base_ = [
    '../_base_/models/segment_order_r2plus1d10.py',
    '../_base_/datasets/kinetics400_segment_order.py',
    '../_base_/schedules/segment_order_k400.py',
    '../_base_/default_runtime.py',
]

model = dict(head=dict(queue_length=16384), view_generator=None)

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
