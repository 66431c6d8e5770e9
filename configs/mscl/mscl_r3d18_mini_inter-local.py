# Tables 1 to 4: L_RGB, L_Flow, L_RF and L_LMC, Eq. (5).
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/kinetics400_mini_mscl.py',
    '../_base_/schedules/mscl_mini.py',
    '../_base_/default_runtime.py',
]

model = dict(flow_augment=None)
