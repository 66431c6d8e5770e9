# What mscl_demo.py has learned, tested by the frames of each clip in a random order.
_base_ = '../mscl_demo.py'

test_dataloader = dict(
    dataset=dict(
        pipeline=[
            _base_.open_video,
            _base_.test_sample,
            dict(type='DisorderFrames', order='shuffled'),
            *_base_.read_test_clips,
        ]
    )
)
val_dataloader = test_dataloader
