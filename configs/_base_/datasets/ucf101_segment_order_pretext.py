# Asks for order and rates of a clip of each test video of UCF101, and looks for training videos by ten consecutive clips
# of it. A config says model = dict(answers_pretext=True) and what to measure beside the retrieval.
_base_ = ['./ucf101_segment_order.py', './ucf101_segment_order_retrieval.py']

# Training goes on elsewhere.
train_dataloader = None
test_dataloader = val_dataloader = dict(dataset=dict(pipeline=_base_.pretext_pipeline))
