# The classification of ucf101_classification.py on Something-Something V2, tested on its validation videos.
# A config says that there are 174 classes.
_base_ = './ucf101_classification.py'

# Mirrored, many a video would show another class: "from left to right".
train_pipeline = [step for step in _base_.train_pipeline if step.type != 'ClipFlip']
plain = {name: steps for name, steps in _base_.test_protocols.items() if name != 'ten_crops'}
test_protocols = dict(_delete_=True, **plain)
test_pipeline = test_protocols['{{$SSVRL_TEST_PROTOCOL:three_crops}}']

# Its videos are VP9, whose vectors FFmpeg does not export: they are estimated.
videos = dict(data_root='{{$SSVRL_DATA:data}}/sthv2', reader_options=dict(motion='auto'))
train_dataloader = dict(dataset=dict(videos, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(videos, ann_file='val_list.txt'))
test_dataloader = dict(dataset=dict(videos, ann_file='val_list.txt', pipeline=test_pipeline))
del plain, videos
