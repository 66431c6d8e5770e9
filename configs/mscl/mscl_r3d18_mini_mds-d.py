# Table 3: as mscl_r3d18_mini_mds, scores of the differences alone.
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/kinetics400_mini_mscl.py',
    '../_base_/schedules/mscl_mini.py',
    '../_base_/default_runtime.py',
]

model = dict(flow_augment=None)
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            _base_.open_video,
            dict(_base_.sample_motion, function='d'),
            *_base_.read_clips,
        ]
    )
)
