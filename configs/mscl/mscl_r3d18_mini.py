# Table 1: MSCL on Mini-Kinetics with L_RF, L_LMC, FRA and MDS.
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/kinetics400_mini_mscl.py',
    '../_base_/schedules/mscl_mini.py',
    '../_base_/default_runtime.py',
]

train_dataloader = dict(
    dataset=dict(pipeline=[_base_.open_video, _base_.sample_motion, *_base_.read_clips])
)
