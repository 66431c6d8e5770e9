# MoCo in the model zoo: S3D with a quarter of the channels on motion vectors alone, the motion network of
# mvcgc_s3d-w50_motion-primitives.py and its data. On RGB alone it learns nothing of what moves: README.md.
_base_ = [
    '../_base_/models/moco_s3d.py',
    '../_base_/datasets/motion_primitives_clips.py',
    '../_base_/schedules/zoo_schedule.py',
    '../_base_/default_runtime.py',
]

# The defaults, and so the folder of demo.py.
spec = dict(num_frames=36, pace=1.0, codecs='mixed', seed=0)
train_dataloader = dict(dataset=dict(streams=('motion',), spec=spec))
test_dataloader = dict(dataset=dict(streams=('motion',), spec=spec))
val_dataloader = test_dataloader

model = dict(
    data_preprocessor=dict(motion=dict(clip=1.0, size=16), augment=None),
    backbones=dict(
        _delete_=True,
        motion=dict(type='S3D', in_channels=2, width=0.25, spatial_strides=(1, 2, 2, 2, 1)),
    ),
    head=dict(
        stream='motion',
        projector=dict(in_channels=256, hidden_channels=256, out_channels=64),
        queue_length=128,
        momentum=0.99,
        criterion=dict(temperature=0.2),
    ),
)

train_cfg = dict(max_epochs=60)
