# CoCLR in the model zoo: the networks and data of mvcgc_s3d-w50_motion-primitives.py, each stream alone and then by turns.
_base_ = [
    '../_base_/models/coclr_s3d.py',
    '../_base_/datasets/motion_primitives_clips.py',
    '../_base_/schedules/zoo_schedule.py',
    '../_base_/default_runtime.py',
]

# The defaults, and so the folder of demo.py.
spec = dict(num_frames=36, pace=1.0, codecs='mixed', seed=0)
train_dataloader = dict(dataset=dict(spec=spec))
test_dataloader = dict(dataset=dict(spec=spec))
val_dataloader = test_dataloader

projection = dict(type='ProjectionHead', hidden_channels=256, out_channels=64)
model = dict(
    data_preprocessor=dict(
        rgb=dict(remove_still=True), motion=dict(clip=1.0, size=16), augment=None
    ),
    backbones=dict(
        rgb=dict(width=0.5),
        motion=dict(width=0.25, spatial_strides=(1, 2, 2, 2, 1)),
    ),
    head=dict(
        projector=dict(
            _delete_=True,
            rgb=dict(projection, in_channels=512),
            motion=dict(projection, in_channels=256),
        ),
        queue_length=128,
        momentum=0.99,
        criterion=dict(temperature=0.2),
    ),
    # Each stream alone, then two turns of each.
    stages=[(0, 'init'), (16, 'rgb'), (32, 'motion'), (48, 'rgb'), (64, 'motion')],
)
del projection

train_cfg = dict(max_epochs=80)
# A resting stream gets no gradient.
find_unused_parameters = True
