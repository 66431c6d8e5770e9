# The clips of kinetics400_mscl.py, not chosen by their motion, from Mini-Kinetics-200: 80,000 training videos of
# Kinetics-400.
_base_ = './kinetics400_mscl.py'

train_dataloader = dict(
    dataset=dict(
        ann_file='mini_train_list.txt',
        pipeline=[_base_.open_video, _base_.sample, *_base_.read_clips],
    )
)
