# A clip of 5 groups of 12 pictures per video of UCF101: the picture that each begins with, motion and
# residuals of every other one of the rest; crops of 224 px with labels of their motion.
data_root = '{{$SSVRL_DATA:data}}/ucf101'

open_video = dict(type='OpenCompressedVideo')
sample = dict(type='SampleGOPs', num_gops=5, gop_size=12, positions=(2, 4, 6, 8, 10))
# Shares of the shorter side: 250, 230 and 218 of 256 px. The three streams share crop and flip.
crop = dict(type='ClipMultiScaleCrop', size=224, scales=(0.975, 0.9, 0.85))
flip = dict(type='ClipFlip', flip_ratio=0.5)
decode = dict(type='DecodeCompressedVideo')
labels = dict(type='PMSPLabels', num_gops=5, grids=(2, 3, 4), windows=(1, 3, 5))
pack = dict(type='PackSSLInputs', extra_keys=('pmsp_labels',))

# 'virtual' takes videos as they are, 'real' those whose groups are of 12 pictures.
train_pipelines = {
    mode: [open_video, dict(sample, mode=mode), crop, flip, decode, labels, pack]
    for mode in ('virtual', 'real')
}
train_pipeline = train_pipelines['virtual']

train_dataloader = dict(
    # 100 in all on 4 GPUs.
    batch_size=25,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CompressedVideoDataset',
        data_root=data_root,
        ann_file='train_list.txt',
        data_prefix=dict(video='videos'),
        streams=('iframe', 'motion', 'residual'),
        reader_options=dict(motion='codec', iframe_motion='hold', accumulate=False),
        pipeline=train_pipeline,
    ),
)
