# What mscl_demo.py has learned, tested by one frame of each clip in the place of all.
_base_ = '../mscl_demo.py'

test_dataloader = dict(
    dataset=dict(
        pipeline=[
            _base_.open_video,
            _base_.test_sample,
            dict(type='DisorderFrames', order='single'),
            *_base_.read_test_clips,
        ]
    )
)
val_dataloader = test_dataloader
