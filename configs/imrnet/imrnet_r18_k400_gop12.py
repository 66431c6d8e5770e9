# IMRNet of 18 layers on Kinetics-400 by PMSP and CTP, of videos encoded anew as MPEG-4 with 30 frames per
# second and 11 P-frames after each I-frame, as in the paper:
#     python -m ssvrl_mm.video transcode data/kinetics400/videos data/kinetics400/gop12_30fps \
#         --preset mpeg4-gop12 --fps 30
_base_ = [
    '../_base_/models/imrnet_r18.py',
    '../_base_/datasets/kinetics400_imrnet.py',
    '../_base_/schedules/imrnet.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(video='gop12_30fps'),
        reader_options=dict(motion='codec'),
        pipeline=_base_.train_pipelines['real'],
    )
)

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
