"""A tiny two-stream model with its pipeline, 13 small videos, and jobs for several processes."""

from mmengine.config import Config

from tests.clips import encode, translating

NUM_VIDEOS = 13
BACKBONE = dict(type='S3D', width=0.125, spatial_strides=(2, 1, 2, 2, 1))
PIPELINE = [
    dict(type='OpenCompressedVideo'),
    dict(type='SampleClips', clip_len=8, num_clips=3, test_mode=True),
    dict(type='DecodeCompressedVideo', streams=('rgb', 'motion')),
    dict(type='ClipResize', short_side=36),
    dict(type='ClipCenterCrop', size=32),
    dict(type='PackSSLInputs'),
]


def config(folder, **model):
    """Gallery: the first 8 videos, query: the other 5."""
    lists = {'gallery': 'train_list.txt', 'query': 'test_list.txt'}
    datasets = [
        dict(
            type='CompressedVideoDataset',
            data_root=str(folder),
            ann_file=file,
            data_prefix=dict(video='videos'),
            role=role,
            test_mode=True,
            pipeline=PIPELINE,
        )
        for role, file in lists.items()
    ]
    return Config(
        dict(
            default_scope='ssvrl_mm',
            randomness=dict(seed=5),
            model=dict(
                type='ContrastiveRecognizer',
                data_preprocessor=dict(
                    type='SSLDataPreprocessor',
                    rgb=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
                    motion=dict(clip=20.0, size='rgb'),
                ),
                backbones=dict(rgb=BACKBONE, motion=dict(BACKBONE, in_channels=2)),
                head=dict(
                    type='MVCGCHead',
                    projector=dict(type='ProjectionHead', in_channels=128, out_channels=8),
                    criterion=dict(type='InfoNCELoss', temperature=0.07),
                    queue_length=4,
                ),
                stages=[(0, 'init')],
                **model,
            ),
            test_dataloader=dict(
                batch_size=2,
                num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=False),
                dataset=dict(type='ConcatDataset', datasets=datasets),
            ),
        )
    )


def write_videos(folder):
    """13 clips of 2 classes, lists of 8 and of 5."""
    lines = []
    for number in range(NUM_VIDEOS):
        label, name = number % 2, f'{("left", "right")[number % 2]}/{number:02d}.mp4'
        path = folder / 'videos' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        encode(path, translating(12 + number, 4 * label - 2, 1, 48, 64, seed=number))
        lines.append(f'{name} {label}\n')
    (folder / 'train_list.txt').write_text(''.join(lines[:8]))
    (folder / 'test_list.txt').write_text(''.join(lines[8:]))
    (folder / 'all_list.txt').write_text(''.join(lines))
    return folder
