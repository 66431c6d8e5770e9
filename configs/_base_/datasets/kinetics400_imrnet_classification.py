# The classification of ucf101_imrnet_classification.py on Kinetics-400, tested on its validation videos. A
# config says that there are 400 classes.
_base_ = './ucf101_imrnet_classification.py'

# Some videos come as VP9, whose vectors FFmpeg does not export: those are estimated.
videos = dict(data_root='{{$SSVRL_DATA:data}}/kinetics400', reader_options=dict(motion='auto'))
train_dataloader = dict(dataset=videos)
val_dataloader = dict(dataset=dict(videos, ann_file='val_list.txt'))
test_dataloader = dict(dataset=dict(videos, ann_file='val_list.txt'))
del videos
