"""Training samples where there is no dataset: those of generated videos, from the same pipeline."""

import copy
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from ssvrl_mm.datasets import CompressedVideoDataset
from ssvrl_mm.decode_benchmark.generated import generate
from ssvrl_mm.engine.launch import LaunchError
from ssvrl_mm.wrapping import innermost_datasets

# What belongs to the dataset of the config and its workers, and not to the batches.
_LEFT_OUT = ('batch_sampler', 'num_workers', 'persistent_workers', 'prefetch_factor', 'timeout')


class RepeatedSamples(Dataset):
    """A few samples, over and over, each time as another video.

    Args:
        samples: What a pipeline packed.
        length: How many there are to be.
    """

    #: mmengine's loop asks for it.
    metainfo: Mapping[str, Any] = {}

    def __init__(self, samples: Sequence[Mapping[str, Any]], length: int) -> None:
        self.samples = samples
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        sample = dict(self.samples[index % len(self.samples)])
        data_sample = copy.deepcopy(sample.get('data_samples'))
        if data_sample is not None and 'video_id' in data_sample:
            data_sample.set_metainfo({'video_id': index})
        return {**sample, 'data_samples': data_sample}


def synthetic_loader(loader: Mapping[str, Any], length: int) -> dict[str, Any]:
    """The config of a loader that needs no data: same pipeline, collation and batch size.

    Args:
        loader: Config of the train dataloader.
        length: Samples to have.

    Raises:
        LaunchError: The pipeline does not take video files, or not these.
    """
    kept = {key: value for key, value in loader.items() if key not in _LEFT_OUT}
    return {
        **kept,
        'dataset': RepeatedSamples(_samples(loader)[:length], length),
        'sampler': {'type': 'DefaultSampler', 'shuffle': False},
        'num_workers': 0,
    }


def _samples(loader: Mapping[str, Any]) -> list[Any]:
    """What the pipeline of the first dataset makes of a few generated videos."""
    dataset: Mapping[str, Any] = next(iter(innermost_datasets(loader.get('dataset'))), {})
    options = {key: dataset[key] for key in ('streams', 'reader_options') if dataset.get(key)}
    if 'flow_root' in options.get('reader_options', {}):
        # Nothing is stored of generated videos, and weights of networks need not be at hand.
        options['reader_options'] = {**options['reader_options'], 'flow_method': 'dis'}
        del options['reader_options']['flow_root']
    pipeline = [
        dict(step, function='none', scores_root=None) if step.get('scores_root') else step
        for step in dataset.get('pipeline') or ()
    ]
    with tempfile.TemporaryDirectory() as folder:
        videos = generate(Path(folder))
        listed = Path(folder, 'list.txt')
        listed.write_text(''.join(f'{Path(video).name} 0\n' for video in videos))
        try:
            generated = CompressedVideoDataset(
                str(listed),
                pipeline=pipeline,
                data_prefix={'video': folder},
                seed=0,
                **options,
            )
            return [generated[number] for number in range(len(generated))]
        except Exception as error:
            raise LaunchError(
                'the train pipeline does not run on generated videos of 320x240 px and 150 frames '
                f'({type(error).__name__}: {error}): measure with your data, --input real'
            ) from error
