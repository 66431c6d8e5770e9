# Training and retrieval on UCF101, encoded anew as MPEG-4 with 11 P-frames after each I-frame. The lists
# hold for both, as names stay; the files come from
#     python -m ssvrl_mm.video transcode data/ucf101/videos data/ucf101/gop12 --preset mpeg4-gop12
_base_ = ['./ucf101_context_motion.py', './ucf101_context_motion_retrieval.py']

gop12 = dict(data_prefix=dict(video='gop12'))
train_dataloader = val_dataloader = test_dataloader = dict(dataset=gop12)
