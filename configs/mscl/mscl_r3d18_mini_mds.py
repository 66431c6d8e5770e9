# Tables 1 and 3: L_RGB, L_Flow, L_RF and L_LMC, Eq. (5), with MDS.
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/kinetics400_mini_mscl.py',
    '../_base_/schedules/mscl_mini.py',
    '../_base_/default_runtime.py',
]

model = dict(flow_augment=None)
train_dataloader = dict(
    dataset=dict(pipeline=[_base_.open_video, _base_.sample_motion, *_base_.read_clips])
)
