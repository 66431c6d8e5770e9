# The two views of the released code of CoCLR, for any dataset: half of the samples show the same frames
# twice, and in one of the two alone colours are augmented; the others show two clips, of which each has its
# colours augmented with a probability of 0.3.
coclr_pipeline = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleClips', clip_len=32, num_clips=2, independent=0.5),
    dict(type='ChooseAugmentedClips', p=0.3),
    dict(type='ClipRandomResizedCrop', size=128, area_range=(0.2, 1.0)),
    dict(type='ClipFlip', flip_ratio=0.5),
    dict(type='DecodeCompressedVideo'),
    dict(type='PackSSLInputs', extra_keys=('augmented_clips',)),
]
