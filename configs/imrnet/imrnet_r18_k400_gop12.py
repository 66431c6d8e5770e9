# IMRNet of 18 layers on Kinetics-400 by PMSP and CTP, of videos encoded anew as in the paper: MPEG-4 with 30
# frames per second and 11 P-frames after each I-frame.
_base_ = [
    '../_base_/models/imrnet_r18.py',
    '../_base_/datasets/kinetics400_imrnet_gop12.py',
    '../_base_/schedules/imrnet.py',
    '../_base_/default_runtime.py',
]

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
