# MVCGC on Kinetics-400, both stages in one run; `tools/test.py` then evaluates on UCF101.
_base_ = [
    '../_base_/models/mvcgc_s3d.py',
    '../_base_/datasets/kinetics400_ssl.py',
    '../_base_/datasets/ucf101_retrieval.py',
    '../_base_/schedules/mvcgc_k400.py',
    '../_base_/default_runtime.py',
]

# (First epoch, stage of the head.)
model = dict(head=dict(queue_length=16384), stages=[(0, 'init'), (200, 'cross')])

# Training needs no other dataset than Kinetics-400.
val_dataloader = None
val_evaluator = None
val_cfg = None

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
