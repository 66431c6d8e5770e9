# CoViAR's network of I-frames on Kinetics-400 with labels (Table 1): 4 GPUs x 25 videos.
_base_ = [
    '../_base_/models/coviar_iframe_classifier.py',
    '../_base_/datasets/kinetics400_coviar_classification.py',
    '../_base_/schedules/imrnet.py',
    '../_base_/default_runtime.py',
]

model = dict(backbone=dict(pretrained=None), cls_head=dict(num_classes=400))
# In float32, as on the smaller datasets.
optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=_base_.optim_wrapper.optimizer)
train_dataloader = dict(
    batch_size=25, dataset=dict(streams=('iframe',), pipeline=_base_.iframe_pipeline)
)
val_dataloader = test_dataloader = dict(dataset=dict(streams=('iframe',)))

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
