# Table 5: Eq. (10), negatives are three shifts of the flow of the same time.
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/kinetics400_mini_mscl.py',
    '../_base_/schedules/mscl_mini.py',
    '../_base_/default_runtime.py',
]

model = dict(
    flow_augment=dict(_delete_=True, type='FlowShift', max_share=0.25, per='map'),
    num_augmentations=3,
    head=dict(weights=dict(inter=0), local=dict(negatives='augmentations')),
)
