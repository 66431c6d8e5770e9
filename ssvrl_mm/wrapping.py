"""What wraps models and datasets, and what is inside."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any


def unwrap_model(model: Any) -> Any:
    """The model inside the wrapper of a distributed run, or the model itself."""
    # Whoever looks into configs alone need not wait for torch.
    from mmengine.model import is_model_wrapper

    return model.module if is_model_wrapper(model) else model


def walk_datasets(node: Any) -> Iterator[Any]:
    """A dataset and all that it wraps, the outer ones first.

    Args:
        node: A dataset or the config of one, or a list of such; None: nothing. Wrappers hold what
            they wrap as ``dataset`` or ``datasets``, as mmengine's and torch's do, and
            ``RetrievalDataset`` its gallery and its query.

    Yields:
        Datasets, or configs of datasets.

    Example:
        >>> one = dict(type='CompressedVideoDataset', ann_file='list.txt')
        >>> both = dict(type='ConcatDataset', datasets=[one, one])
        >>> [dataset['type'] for dataset in walk_datasets(both)]
        ['ConcatDataset', 'CompressedVideoDataset', 'CompressedVideoDataset']
    """
    if node is None:
        return
    if isinstance(node, list | tuple):
        for child in node:
            yield from walk_datasets(child)
        return
    yield node
    yield from walk_datasets(_wrapped(node))


def innermost_datasets(node: Any) -> list[Any]:
    """The datasets of :func:`walk_datasets` that wrap no other."""
    return [dataset for dataset in walk_datasets(node) if not _wrapped(dataset)]


def retrieval_parts(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The configs of gallery and query that the config of a ``RetrievalDataset`` stands for.

    Args:
        config: See :class:`~ssvrl_mm.datasets.RetrievalDataset`.

    Returns:
        Gallery and query, each with its ``role``.

    Example:
        >>> lists = dict(gallery=dict(ann_file='train.txt'), query=dict(ann_file='test.txt'))
        >>> [part['ann_file'] for part in retrieval_parts(dict(lists, data_root='data/ucf101'))]
        ['train.txt', 'test.txt']
    """
    own = ('type', 'dataset_type', 'gallery', 'query')
    shared = {key: value for key, value in config.items() if key not in own}
    kind = config.get('dataset_type', 'CompressedVideoDataset')
    return [
        {'test_mode': True, **shared, **config[role], 'role': role, 'type': kind}
        for role in ('gallery', 'query')
    ]


def _wrapped(dataset: Any) -> list[Any]:
    """What a dataset, or the config of one, wraps directly."""
    if isinstance(dataset, Mapping) and {'gallery', 'query'} <= dataset.keys():
        return retrieval_parts(dataset)
    read = dataset.get if isinstance(dataset, Mapping) else partial(getattr, dataset)
    below = [read(name, None) for name in ('dataset', 'datasets')]
    return [child for child in below if child is not None]
