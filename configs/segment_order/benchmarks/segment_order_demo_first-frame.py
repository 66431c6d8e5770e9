# What segment_order_demo.py has learned from motion, tested by clips whose segments show their first frame alone: cuts,
# compression, brightness, and how far things have come from one still to another. What a network finds there that looks
# for nothing else, segment_order_demo_stills.py asks.
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
