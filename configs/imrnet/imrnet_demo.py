# IMRNet in minutes on a CPU: crops of 64 px, an eighth of the channels in the I pathway, on MotionPrimitives
# in MPEG-4 with groups of 12 pictures. Both pretext tasks and retrieval on held-out videos at the end.
_base_ = [
    '../_base_/models/imrnet_r18.py',
    '../_base_/datasets/motion_primitives_imrnet.py',
    '../_base_/schedules/demo_schedule.py',
    '../_base_/default_runtime.py',
]

max_epochs = 8

model = dict(
    # Little moves by more than two pixels, and residuals are small.
    data_preprocessor=dict(motion=dict(clip=2.0), residual=dict(scale=64.0), augment=None),
    backbone=dict(width=0.125),
    # So small a network does not tell places by the borders of its maps: the cells of each grid apart.
    heads=dict(pmsp=dict(pool='grid', hidden_channels=128)),
    answers_pretext=True,
)

test_evaluator = [
    dict(
        type='VideoRetrieval',
        topk=(1, 5, 10),
        streams=('fused', 'iframe', 'motion', 'residual'),
    ),
    dict(type='PretextAccuracy', classes=dict(ctp=('aligned', 'random', 'shuffle', 'shift'))),
]
val_evaluator = test_evaluator

train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs, val_interval=10)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, convert_to_iter_based=True)]
default_hooks = dict(checkpoint=dict(interval=1))
