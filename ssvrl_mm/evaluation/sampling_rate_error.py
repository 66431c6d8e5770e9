"""How far off the sampling rates are that a network tells of videos it was not trained with."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from ssvrl_mm.evaluation.pretext_accuracy import video_key
from ssvrl_mm.registry import METRICS

_Z = 1.96  # of 95 %


@METRICS.register_module()
class SamplingRateError(BaseMetric):
    """Squared and absolute error of sampling rates, beside those of the best constant.

    The data samples of queries hold ``predicted_rates`` and ``sampling_rates``, (V, n) each, the
    rates of the n segments of V clips in frames, as a
    :class:`~ssvrl_mm.models.recognizers.SegmentOrderRecognizer` with ``answers_pretext`` writes
    them; those of the gallery, the training videos, ``sampling_rates`` alone. What a constant
    reaches is told by the rates that were drawn, not by those that were asked for: short videos
    have lower ones. Rates below 0, of clips without any, do not count.

    Metrics, with the prefix ``rates``: ``mse``, in frames squared, and ``mae``, in frames, means
    over the segments of all queries; ``mse_of_constant`` and ``mae_of_constant``, those of who
    always says the mean, or the median, of the gallery's rates (of the queries', where the gallery
    has none); these two as ``mean`` and ``median``; ``mse_error`` and ``mae_error``, bounds of 95 %
    from the spread over the videos; ``num_videos``.

    Args:
        collect_device: 'cpu' or 'gpu'.
        prefix: Instead of 'rates'.

    Raises:
        ValueError: no query with predicted rates; predicted and true ones that differ in shape;
            samples without ``video_id`` and ``filename``.

    Example:
        >>> test_evaluator = [dict(type='PretextAccuracy'), dict(type='SamplingRateError')]
    """

    default_prefix = 'rates'

    def __init__(self, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keeps the rates of each video."""
        for sample in data_samples:
            rates = {
                name: np.atleast_1d(torch.as_tensor(sample[name]).double().cpu().numpy())
                for name in ('predicted_rates', 'sampling_rates')
                if name in sample
            }
            shapes = {name: values.shape for name, values in rates.items()}
            if 'predicted_rates' in rates and (len(rates) < 2 or len({*shapes.values()}) > 1):
                raise ValueError(
                    'predicted_rates need sampling_rates (V, n) of the same clips and segments in '
                    f'the sample, got {shapes}'
                )
            counts = rates.get('sampling_rates', np.empty(0)) >= 0
            kept = {name: values[counts] for name, values in rates.items()}
            self.results.append(dict(key=video_key(sample), **kept))

    def evaluate(self, size: int) -> dict:
        """Collects the results of all processes, repeated videos and all, and computes."""
        # Cutting to `size`, mmengine would rely on the order in which samplers repeat videos.
        return super().evaluate(size=sys.maxsize)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """The metrics."""
        videos = list({result['key']: result for result in results}.values())
        asked = [video for video in videos if len(video.get('predicted_rates', ()))]
        if not asked:
            raise ValueError(
                f'{len(videos)} videos, but predicted_rates of none: SamplingRateError needs '
                'model.answers_pretext=True, a model with a SamplingRateHead (rate), queries, and '
                "a test pipeline that packs 'sampling_rates' (extra_keys of PackSSLInputs, "
                "algorithm_keys of mmaction2's PackActionInputs, where the model is mmaction2's "
                'and has no answers_pretext)'
            )
        gallery = [
            video for video in videos if video['key'][0] == 'gallery' and 'sampling_rates' in video
        ]
        drawn = np.concatenate([video['sampling_rates'] for video in gallery or asked])
        mean, median = float(drawn.mean()), float(np.median(drawn))
        errors = [video['predicted_rates'] - video['sampling_rates'] for video in asked]
        true = np.concatenate([video['sampling_rates'] for video in asked])
        metrics = {
            **_measured('mse', [np.square(error) for error in errors]),
            'mse_of_constant': float(np.square(true - mean).mean()),
            **_measured('mae', [np.abs(error) for error in errors]),
            'mae_of_constant': float(np.abs(true - median).mean()),
            'mean': mean,
            'median': median,
            'num_videos': float(len(asked)),
        }
        print_log(f'Sampling rates:\n{format_rates(metrics)}', logger='current')
        return metrics


def format_rates(metrics: Mapping[str, float]) -> str:
    """A table with a row per error; bounds are those of 95 %.

    Args:
        metrics: Of :class:`SamplingRateError`, with or without the prefix.
    """
    plain = {name.rpartition('/')[2]: value for name, value in metrics.items()}
    lines = [f'{"":<24}{"network":>15}{"best constant":>16}']
    for name, title, constant in (
        ('mse', 'squared error', 'mean'),
        ('mae', 'absolute error, frames', 'median'),
    ):
        cell = f'{plain[name]:.2f} ± {plain[f"{name}_error"]:.2f}'
        other = f'{plain[f"{name}_of_constant"]:.2f} ({constant} {plain[constant]:.2f})'
        lines.append(f'{title:<24}{cell:>15}   {other}')
    return '\n'.join(lines)


def _measured(name: str, errors: Sequence[np.ndarray]) -> dict[str, float]:
    """The mean over all segments, and its bound from the means of the videos."""
    of_videos = np.array([error.mean() for error in errors])
    spread = of_videos.std(ddof=1) if len(of_videos) > 1 else float('nan')
    return {
        name: float(np.concatenate(errors).mean()),
        f'{name}_error': float(_Z * spread / np.sqrt(len(of_videos))),
    }
