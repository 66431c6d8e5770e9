# MoCo in the model zoo: S3D with half of the channels on RGB alone, on the data of mvcgc_s3d-w50_motion-primitives.py.
_base_ = [
    '../_base_/models/moco_s3d.py',
    '../_base_/datasets/motion_primitives_clips.py',
    '../_base_/schedules/zoo_schedule.py',
    '../_base_/default_runtime.py',
]

# The defaults, and so the folder of demo.py.
spec = dict(num_frames=36, pace=1.0, codecs='mixed', seed=0)
train_dataloader = dict(dataset=dict(streams=('rgb',), spec=spec))
test_dataloader = dict(dataset=dict(streams=('rgb',), spec=spec))
val_dataloader = test_dataloader

model = dict(
    data_preprocessor=dict(rgb=dict(remove_still=True), augment=None),
    backbones=dict(rgb=dict(width=0.5)),
    head=dict(
        projector=dict(in_channels=512, hidden_channels=256, out_channels=64),
        queue_length=128,
        momentum=0.99,
        criterion=dict(temperature=0.2),
    ),
)

train_cfg = dict(max_epochs=60)
