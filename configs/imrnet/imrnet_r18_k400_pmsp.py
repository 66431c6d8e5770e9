# Table 3: IMRNet of 18 layers on Kinetics-400 by PMSP alone.
_base_ = [
    '../_base_/models/imrnet_r18.py',
    '../_base_/datasets/kinetics400_imrnet.py',
    '../_base_/schedules/imrnet.py',
    '../_base_/default_runtime.py',
]

model = dict(heads=dict(_delete_=True, pmsp=dict(type='PMSPHead')), correspondence=None)

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
