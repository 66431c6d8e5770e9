# The demo's linear probe shrunk to two iterations. tiny_stream.py: of one stream alone.
_base_ = ['../../configs/mvcgc/benchmarks/mvcgc_demo_linear.py']

pretrained = dict(
    backbone=dict(init_cfg=dict(checkpoint='{{$PRETRAINED:pretrained.pth}}')),
)
model = dict(classifiers=dict(rgb=pretrained, motion=pretrained))

data = dict(spec=dict(train_per_class=1, test_per_class=1, num_frames=16, size=64))
loader = dict(batch_size=8, num_workers=0, persistent_workers=False)
train_dataloader = dict(dataset=data, **loader)
test_dataloader = dict(dataset=data, **loader)
val_dataloader = test_dataloader

train_cfg = dict(max_epochs=1, val_begin=1)
