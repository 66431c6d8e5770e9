"""Thirteen videos whose features are a function of their name, as mmengine's loops see them."""

import numpy as np
import torch
from mmaction.structures import ActionDataSample
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel
from mmengine.structures import InstanceData

from ssvrl_mm.evaluation import VideoRetrieval

NUM_GALLERY, NUM_QUERY, NUM_CLASSES = 8, 5, 3  # 13 videos: never even over two processes


def video(role, index):
    """Features and label of a video: any function of its role and index will do."""
    generator = np.random.default_rng([role == 'query', index])
    label = int(generator.integers(NUM_CLASSES))
    centre = np.random.default_rng(label).normal(size=(2, 6))
    rgb, motion = (centre + 0.9 * generator.normal(size=(2, 6))).astype(np.float32)
    return {'rgb': torch.from_numpy(rgb), 'motion': torch.from_numpy(2 * motion[:4])}, label


def samples(role, count):
    for index in range(count):
        features, label = video(role, index)
        yield dict(
            features=features,
            gt_label=torch.tensor([label]),
            role=role,
            video_id=index,
            filename=f'{role}_{index}.mp4',
        )


def all_samples():
    return [*samples('gallery', NUM_GALLERY), *samples('query', NUM_QUERY)]


def run_metric(data_samples, **kwargs):
    metric = VideoRetrieval(**{'topk': (1, 2, 5), **kwargs})
    for start in range(0, len(data_samples), 3):
        metric.process(None, data_samples[start : start + 3])
    return metric.evaluate(len(data_samples))


class ToyDataset(BaseDataset):
    """The videos of one role."""

    def __init__(self, role, count):
        self.role, self.count = role, count
        super().__init__(metainfo={'classes': NUM_CLASSES})

    def load_data_list(self):
        return [
            dict(role=self.role, video_id=i, filename=f'{self.role}_{i}.mp4')
            for i in range(self.count)
        ]


class ToyModel(BaseModel):
    """Looks the features up; notes how many samples it was shown."""

    seen = 0

    def forward(self, mode='predict', **inputs):
        names = ('role', 'video_id', 'filename')
        outputs = []
        for role, index, filename in zip(*(inputs[name] for name in names), strict=True):
            index = int(index)
            features, label = video(role, index)
            sample = ActionDataSample(
                metainfo=dict(role=role, video_id=index, filename=filename)
            ).set_gt_label(label)
            sample.features = InstanceData(**{name: row[None] for name, row in features.items()})
            outputs.append(sample)
        self.seen += len(outputs)
        return outputs


def brute_force(view, topk, centre=False):
    """Recalls by loops over numpy arrays in double precision."""
    streams = ('rgb', 'motion') if view == 'both' else (view,)
    labels, cosines = {}, 0
    for stream in streams:
        stacked = {}
        for role, count in (('query', NUM_QUERY), ('gallery', NUM_GALLERY)):
            pairs = [video(role, i) for i in range(count)]
            rows = np.stack([features[stream].numpy() for features, _ in pairs]).astype(float)
            rows = rows - rows.mean(axis=0) if centre else rows
            stacked[role] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
            labels[role] = np.array([label for _, label in pairs])
        cosines = cosines + stacked['query'] @ stacked['gallery'].T
    ranked = labels['gallery'][np.argsort(-cosines, axis=1, kind='stable')]
    hits = ranked == labels['query'][:, None]
    return {f'retrieval/{view}_R@{k}': hits[:, :k].any(axis=1).mean() for k in topk}
