"""The two sets of videos of a retrieval, as one dataset."""

from collections.abc import Mapping
from typing import Any

from mmengine.dataset import ConcatDataset

from ssvrl_mm.registry import DATASETS
from ssvrl_mm.wrapping import retrieval_parts


@DATASETS.register_module()
class RetrievalDataset(ConcatDataset):
    """Gallery and query of a retrieval: two lists of videos that are read in the same way.

    All that they share - folder, pipeline, streams - is said once; ``gallery`` and ``query`` say
    what differs. Samples carry ``role``, 'gallery' or 'query'; the gallery comes first.

    Args:
        gallery: Arguments of the dataset of the videos that are looked for.
        query: Arguments of the dataset of those that look for them.
        dataset_type: Registered name of both.
        lazy_init: Read the lists later.
        **shared: Arguments of both, ``test_mode=True`` unless they say otherwise.

    Attributes:
        datasets: [gallery, query].

    Example:
        >>> dataset = RetrievalDataset(
        ...     gallery=dict(ann_file='train_list.txt'), query=dict(ann_file='test_list.txt'),
        ...     data_root='data/ucf101', data_prefix=dict(video='videos'), streams=('rgb',),
        ...     pipeline=[dict(type='OpenCompressedVideo'),
        ...               dict(type='SampleClips', clip_len=32, num_clips=10, test_mode=True),
        ...               dict(type='DecodeCompressedVideo'), dict(type='PackSSLInputs')])
        >>> [part.role for part in dataset.datasets]
        ['gallery', 'query']
    """

    def __init__(
        self,
        gallery: Mapping[str, Any],
        query: Mapping[str, Any],
        dataset_type: str = 'CompressedVideoDataset',
        lazy_init: bool = False,
        **shared: Any,
    ) -> None:
        parts = retrieval_parts(
            dict(
                shared, gallery=gallery, query=query, dataset_type=dataset_type, lazy_init=lazy_init
            )
        )
        super().__init__([DATASETS.build(part) for part in parts], lazy_init=lazy_init)
