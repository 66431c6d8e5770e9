# A list of `path label` lines and mmaction2's VideoDataset. Put the place of your own list here.
data_root = 'data/motion_primitives'
num_classes = 16

videos = dict(type='VideoDataset', data_root=data_root, data_prefix=dict(video='videos'))
train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(videos, ann_file='train_list.txt'),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(videos, ann_file='test_list.txt', test_mode=True),
)
test_dataloader = val_dataloader
