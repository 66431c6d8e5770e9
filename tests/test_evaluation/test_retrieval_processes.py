"""Retrieval under mmengine's loops, in one process and in two."""

from mmengine.dataset import ConcatDataset, DefaultSampler
from mmengine.runner import Runner

from ssvrl_mm.evaluation import VideoRetrieval
from tests.processes import run_processes
from tests.test_evaluation.toy_videos import (
    NUM_GALLERY,
    NUM_QUERY,
    ToyDataset,
    ToyModel,
    all_samples,
    run_metric,
)


class Halves(DefaultSampler):
    """Contiguous shares, each padded by its own first video: cutting the list would lose some."""

    def __iter__(self):
        start = self.rank * (len(self.dataset) // self.world_size)
        end = len(self.dataset) if self.rank + 1 == self.world_size else start + 6
        yield from range(start, end)
        yield from [start] * (2 + self.rank)


def validate(work_dir, round_up=True, sampler=DefaultSampler, **metric):
    """Metrics of a validation and a test by mmengine's own loops, and how many samples we saw."""
    dataset = ConcatDataset([ToyDataset('gallery', NUM_GALLERY), ToyDataset('query', NUM_QUERY)])
    loader = dict(
        dataset=dataset,
        batch_size=2,
        sampler=sampler(dataset, shuffle=False, seed=0, round_up=round_up),
        collate_fn=dict(type='default_collate'),
    )
    runner = Runner(
        model=ToyModel(),
        work_dir=str(work_dir),
        val_dataloader=dict(loader),
        val_cfg=dict(),
        val_evaluator=[VideoRetrieval(topk=(1, 2, 5), **metric)],
        test_dataloader=dict(loader),
        test_cfg=dict(),
        test_evaluator=[VideoRetrieval(topk=(1, 2, 5), **metric)],
        default_hooks=dict(logger=None, checkpoint=None),
        experiment_name=f'{sampler.__name__}_{round_up}_{metric}',
        log_level='WARNING',
    )
    validated, tested = runner.val(), runner.test()
    assert validated == tested
    return validated, runner.model.seen // 2


def process(rank, folder):
    """What one of two processes gets."""
    return [
        validate(folder),
        validate(folder, round_up=False),
        validate(folder, sampler=Halves),
        validate(folder, collect_device='gpu'),
    ]


def test_two_processes_give_the_result_of_one(tmp_path):
    expected, seen = validate(tmp_path)
    assert seen == NUM_GALLERY + NUM_QUERY
    assert expected['retrieval/both_R@1'] == run_metric(all_samples())['retrieval/both_R@1']

    shares = []
    for outcomes in run_processes(process, tmp_path, tmp_path):
        assert [metrics for metrics, _ in outcomes] == [expected] * 4
        shares.append([seen for _, seen in outcomes])
    # Padded to 7 each; ragged 7 and 6; halves of 6 and 7 with 2 and 3 repeats.
    assert list(zip(*shares, strict=True)) == [(7, 7), (7, 6), (8, 10), (7, 7)]
