# Training on Kinetics-400, encoded anew as in the paper: MPEG-4 at 30 frames per second, with 11 P-frames
# after each I-frame. The lists hold for both, as names stay; the files come from
#     python -m ssvrl_mm.video transcode data/kinetics400/videos data/kinetics400/gop12_30fps \
#         --preset mpeg4-gop12 --fps 30
_base_ = './ucf101_imrnet.py'

data_root = '{{$SSVRL_DATA:data}}/kinetics400'
train_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        data_prefix=dict(video='gop12_30fps'),
        pipeline={{_base_.train_pipelines.real}},
    )
)
