# MVCGC's second stage: each stream guides the other. It goes on from the first, whose queues it finds full.
_base_ = './mvcgc.py'

model = dict(cls_head=dict(stage='cross'))
load_from = 'work_dirs/mvcgc/epoch_20.pth'
