# segment_order_demo_order.py, trained and asked by clips whose segments show their first frame alone: what order can be
# told by cuts, compression, brightness, and how far things have come from one still to another.
_base_ = './segment_order_demo.py'

model = dict(rate=None, head=None, contrast_weight=1.0, view_generator=None)
stills = [dict(_base_.sample, num_clips=1), _base_.first_frames]
train_dataloader = dict(dataset=dict(pipeline=[_base_.open_video, *stills, *_base_.read_clips]))
# As benchmarks/segment_order_demo_first-frame.py.
test_stills = [_base_.test_sample, _base_.first_frames]
test_dataloader = dict(
    dataset=dict(pipeline=[_base_.open_video, *test_stills, *_base_.read_test_clips])
)
val_dataloader = test_dataloader
test_evaluator = _base_.test_evaluator[:2]
val_evaluator = test_evaluator
