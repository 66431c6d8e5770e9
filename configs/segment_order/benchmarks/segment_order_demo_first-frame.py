# What segment_order_demo.py has learned, tested by clips whose segments show their first frame alone: what tells of
# the order and does not move.
_base_ = '../segment_order_demo.py'

test_dataloader = dict(
    dataset=dict(
        pipeline=[
            _base_.open_video,
            _base_.test_sample,
            _base_.first_frames,
            *_base_.read_test_clips,
        ]
    )
)
val_dataloader = test_dataloader
