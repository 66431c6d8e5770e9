# The network of imrnet_demo.py as a classifier on the same data, from random weights and 8 labelled videos
# per class.
_base_ = [
    '../../_base_/models/imrnet_r18_classifier.py',
    '../../_base_/datasets/motion_primitives_imrnet.py',
    '../../_base_/schedules/demo_schedule.py',
    '../../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(motion=dict(clip=2.0), residual=dict(scale=64.0), augment=None),
    backbone=dict(width=0.125, init_cfg=None),
    cls_head=dict(in_channels=64 + 32 + 32, num_classes=16),
)

# The list goes class by class.
train_dataloader = dict(dataset=dict(indices=list(range(0, 640, 5))))
test_dataloader = dict(
    batch_size=1,
    dataset=dict(
        _delete_=True,
        type='MotionPrimitives',
        split='test',
        data_root=_base_.data_root,
        spec=_base_.spec,
        streams=_base_.streams,
        reader_options=_base_.reader_options,
        pipeline=_base_.test_pipeline,
        test_mode=True,
    ),
)
val_dataloader = test_dataloader
test_evaluator = dict(_delete_=True, type='VideoClassification', topk=(1, 5))
val_evaluator = test_evaluator

max_epochs = 20
train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs, val_interval=10)
param_scheduler = [dict(type='CosineAnnealingLR', T_max=max_epochs, convert_to_iter_based=True)]
default_hooks = dict(checkpoint=dict(interval=10))
custom_hooks = [dict(type='StrictCheckpointHook')]
