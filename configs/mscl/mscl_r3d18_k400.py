# MSCL on Kinetics-400 with R3D-18, flow by RAFT.
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/kinetics400_mscl.py',
    '../_base_/schedules/mscl.py',
    '../_base_/default_runtime.py',
]

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
