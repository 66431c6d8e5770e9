# Table 3: CoViAR on Kinetics-400 by PMSP alone.
_base_ = [
    '../_base_/models/coviar.py',
    '../_base_/datasets/kinetics400_imrnet.py',
    '../_base_/schedules/imrnet.py',
    '../_base_/default_runtime.py',
]

model = dict(heads=dict(pmsp=dict(type='PMSPHead')))
# As in CoViAR motion and residuals relate to the I-frame, of videos encoded anew with 11 P-frames after each.
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(video='gop12'),
        reader_options=dict(motion='codec', accumulate=True),
    )
)

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
