from types import SimpleNamespace

from mmengine.dataset import ConcatDataset, RepeatDataset
from mmengine.model import MMDistributedDataParallel
from torch import nn
from torch.utils.data import Subset

from ssvrl_mm.wrapping import innermost_datasets, retrieval_parts, unwrap_model, walk_datasets


def test_walks_through_wrappers_of_mmengine_and_torch_the_outer_ones_first():
    first, second = SimpleNamespace(name='a'), SimpleNamespace(name='b')
    subset = Subset(second, [0])
    repeated = RepeatDataset.__new__(RepeatDataset)
    repeated.dataset = first
    # mmengine's own wants its BaseDataset.
    both = ConcatDataset.__new__(ConcatDataset)
    both.datasets = [repeated, subset]
    assert [id(d) for d in walk_datasets(both)] == [
        id(d) for d in (both, repeated, first, subset, second)
    ]
    assert [id(d) for d in innermost_datasets(both)] == [id(first), id(second)]
    assert [id(d) for d in innermost_datasets([first, second])] == [id(first), id(second)]
    assert innermost_datasets(None) == []


def test_walks_through_configs():
    first, second = dict(type='A', ann_file='a'), dict(type='A', ann_file='b')
    both = dict(type='ConcatDataset', datasets=[dict(type='RepeatDataset', dataset=first), second])
    assert [d['type'] for d in walk_datasets(both)] == ['ConcatDataset', 'RepeatDataset', 'A', 'A']
    assert innermost_datasets(both) == [first, second]
    assert list(walk_datasets(None)) == []


def test_a_retrieval_is_its_gallery_and_its_query():
    retrieval = dict(
        type='RetrievalDataset',
        data_root='videos',
        streams=('rgb',),
        gallery=dict(ann_file='a'),
        query=dict(ann_file='b', data_root='others', test_mode=False),
    )
    shared = dict(type='CompressedVideoDataset', streams=('rgb',))
    gallery = dict(shared, data_root='videos', ann_file='a', role='gallery', test_mode=True)
    query = dict(shared, data_root='others', ann_file='b', role='query', test_mode=False)
    assert retrieval_parts(retrieval) == [gallery, query]
    wrapped = dict(type='RepeatDataset', dataset=dict(retrieval, dataset_type='B'))
    assert [d['type'] for d in walk_datasets(wrapped)] == [
        *('RepeatDataset', 'RetrievalDataset', 'B', 'B')
    ]
    assert innermost_datasets(wrapped) == [dict(gallery, type='B'), dict(query, type='B')]


def test_unwraps_a_distributed_model_alone():
    model = nn.Linear(1, 1)
    model.module = nn.Identity()
    assert unwrap_model(model) is model
    wrapper = MMDistributedDataParallel.__new__(MMDistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.module = model
    assert unwrap_model(wrapper) is model
