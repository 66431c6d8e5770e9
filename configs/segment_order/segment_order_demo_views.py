# The views of segment_order_demo.py in minutes on a CPU: small networks on MotionPrimitives, and as feature extractor
# the network of segment_order_demo_no-view.py.
_base_ = [
    '../_base_/models/segment_order_views.py',
    '../_base_/datasets/motion_primitives_segment_order.py',
    '../_base_/schedules/segment_order_views.py',
    '../_base_/default_runtime.py',
]

max_epochs = 4

model = dict(
    # As segment_order_demo.py: what is still is grey, of clips and of views.
    data_preprocessor=dict(rgb=dict(remove_still=True)),
    view_generator=dict(channels=(8, 16, 32), latent_channels=16, remove_still=True),
    flow_estimator=dict(channels=(8, 16, 32)),
    feature_extractor=dict(
        width=0.25,
        temporal_strides=(1, 2, 2, 2, 2),
        init_cfg=dict(
            checkpoint='{{$SSVRL_EXTRACTOR:work_dirs/segment_order/segment_order_demo_no-view/epoch_15.pth}}'
        ),
    ),
    # Grey is 0.025 in luma from such a clip, and has features of a cosine near 0.6 with its: below 17, it would cost less
    # than the clip itself.
    weights=dict(reconstruction=30.0),
)
# In hundreds of steps.
adam = dict(optimizer=dict(lr=1e-3))
optim_wrapper = dict(view_generator=adam, flow_estimator=adam)

# One clip of each video, as the query is.
sample = dict(_base_.sample, num_clips=1)
train_dataloader = dict(
    batch_size=8, dataset=dict(pipeline=[_base_.open_video, sample, *_base_.read_clips])
)
test_pipeline = [
    _base_.open_video,
    dict(sample, test_mode=True),
    *_base_.read_test_clips,
]
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='MotionPrimitives',
        split='test',
        data_root=_base_.data_root,
        spec=_base_.spec,
        streams=('rgb',),
        pipeline=test_pipeline,
    )
)
val_dataloader = test_dataloader
test_evaluator = dict(type='ViewQuality', _delete_=True)
val_evaluator = test_evaluator

train_cfg = dict(max_epochs=max_epochs, val_begin=max_epochs, val_interval=10)
default_hooks = dict(checkpoint=dict(interval=1))
