# MVCGC in the model zoo: S3D with half of the channels on RGB, with a quarter on motion vectors, on MotionPrimitives. As
# demo.py, on every frame, and longer in the second stage, in which RGB learns from motion.
_base_ = [
    '../_base_/models/mvcgc_s3d.py',
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
        # 16 x 16 vectors: a network that is small enough for both to fit into 8 MB.
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
    stages=[(0, 'init'), (10, 'cross')],
)
del projection

train_cfg = dict(max_epochs=60)
