# Training and retrieval on UCF101, encoded anew as in the paper: MPEG-4 at 30 frames per second, with 11
# P-frames after each I-frame. The lists hold for both, as names stay; the files come from
#     python -m ssvrl_mm.video transcode data/ucf101/videos data/ucf101/gop12_30fps \
#         --preset mpeg4-gop12 --fps 30
_base_ = ['./ucf101_imrnet.py', './ucf101_imrnet_retrieval.py']

gop12 = dict(video='gop12_30fps')
train_dataloader = dict(
    dataset=dict(data_prefix=gop12, pipeline={{_base_.train_pipelines.real}}),
)
test_dataloader = dict(
    dataset=dict(data_prefix=gop12, pipeline={{_base_.retrieval_pipelines.real}}),
)
val_dataloader = test_dataloader
