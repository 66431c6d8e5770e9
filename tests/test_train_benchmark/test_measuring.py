import copy
from types import SimpleNamespace

import pytest
import torch
from mmengine.runner import Runner

from ssvrl_mm.engine.hooks.iteration_seed import seed_everything
from ssvrl_mm.engine.hooks.training_amount import NothingToTrainError
from ssvrl_mm.engine.launch import LaunchError
from ssvrl_mm.models.utils.key_queue import KeyQueue
from ssvrl_mm.train_benchmark import measuring
from ssvrl_mm.train_benchmark.loop import BenchmarkLoop, fill_queue, find_stage
from ssvrl_mm.train_benchmark.measuring import measure
from ssvrl_mm.train_benchmark.report import phase_rows
from tests.clips import encode, translating
from tests.test_train_benchmark.configs import mvcgc, slow


@pytest.fixture(autouse=True)
def short_videos(monkeypatch):
    """Generates videos in milliseconds."""

    def generate(folder):
        shown = [translating(8, dx, 1, height=32, width=48, seed=dx) for dx in (1, 2)]
        return [str(encode(folder / f'{dx}.mp4', clip)) for dx, clip in enumerate(shown)]

    monkeypatch.setattr('ssvrl_mm.train_benchmark.synthetic.generate', generate)


@pytest.fixture
def loops(monkeypatch):
    """The loops that are made, with the batches and the losses of their steps."""
    made = []

    class Loop(BenchmarkLoop):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.start = copy.deepcopy(self._model)
            self.batches, self.logs = [], []
            made.append(self)

        def run_iter(self, idx, batch):
            self.batches.append(copy.deepcopy(batch))
            super().run_iter(idx, batch)
            self.logs.append(self.runner.message_hub.get_scalar('train/num_positives').current())

    monkeypatch.setattr(measuring, 'BenchmarkLoop', Loop)
    return made


def test_measured_steps_train_as_plain_ones_do(loops):
    cfg = mvcgc()
    before = copy.deepcopy(cfg._cfg_dict.to_dict())
    found = measure(cfg, iterations=2, warmup=1, stage='cross')
    assert cfg._cfg_dict.to_dict() == before
    [loop] = loops
    assert len(loop.batches) == 1 + 2 + 2 + 1 and len(found.steps) == len(found.phases) == 2

    model = loop.start
    wrapper = Runner.build_optim_wrapper(
        type('Model', (), dict(model=model)), mvcgc().optim_wrapper
    )
    fill_queue(model.head.queue)
    model.set_epoch(3)
    model.train()
    for step, batch in enumerate(loop.batches):
        seed_everything(0, step, 0)
        model.train_step(batch, wrapper)
    ours, theirs = loop._model.state_dict(), model.state_dict()
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name


def test_stage_2_mines_in_a_full_queue(loops):
    assert measure(mvcgc(), iterations=1, warmup=1, stage='cross').stage == 'cross'
    assert measure(mvcgc(), iterations=1, warmup=1).stage == 'init'
    assert min(loops[0].logs) >= 8 and max(loops[1].logs) == 0


def test_nothing_remains(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    monkeypatch.setattr('tempfile.tempdir', None)
    cfg = mvcgc(work_dir=str(tmp_path / 'run'), load_from='none.pth', resume=True)
    measure(cfg, iterations=1, warmup=1)
    assert not list(tmp_path.iterdir())


def test_known_times_are_found_and_add_up(monkeypatch):
    # 5 ms for each of two vectors, then 20, 30, 40 and 50 ms.
    found = measure(slow(), iterations=5, warmup=1, synthetic=False)
    rows = {row['phase']: row for row in phase_rows(found.phases)}
    expected = {
        'data wait': 10, 'preprocessing': 20, 'forward': 30, 'backward': 40, 'optimizer step': 50,
    }  # fmt: skip
    for name, ms in expected.items():
        # The quickest step tells what a busy machine adds.
        assert ms <= 1000 * min(step['step', name] for step in found.phases) <= ms + 20
    assert rows['other']['first_quartile_ms'] < 20
    assert sum(row['share'] for row in rows.values()) == pytest.approx(1)
    for step in found.phases:
        assert sum(step.values()) - step['step',] <= step['step',]
    assert min(found.steps) >= 0.15 and (found.batch_size, found.videos) == (2, 10)
    assert found.inputs == {'inputs': ((4,), 'float32')} and found.stage is None
    # (2, 4) x (4, 2), a multiplication with its addition as two; weights alone have gradients.
    assert found.flops == {'forward': 32, 'backward': 32}
    assert found.peak_memory > 2**26 and found.dtype == 'float32'


def test_an_epoch_that_ends_with_fewer_videos():
    # 4 and 2 videos; then 4, 2 and 4 again.
    found = measure(slow(batch_size=4), iterations=3, warmup=2, synthetic=False)
    assert found.videos == 10 and len(found.steps) == 3


@pytest.mark.parametrize(
    ('options', 'warmup', 'expected'),
    [
        (dict(), 3, 3),
        (dict(num_workers=1), 1, 2),
        (dict(num_workers=2, prefetch_factor=3), 1, 6),
        (dict(num_workers=1), 4, 4),
    ],
)
def test_warming_up_lasts_until_nothing_is_fetched_ahead(monkeypatch, options, warmup, expected):
    class EndError(Exception):
        pass

    def made(runner, loader, iterations, warmup, synthetic, stage):
        assert loader['dataset']['type'].endswith('SlowDataset') and not synthetic
        raise EndError(warmup)

    monkeypatch.setattr(measuring, 'BenchmarkLoop', made)
    with pytest.raises(EndError) as caught:
        measure(slow(**options), 1, warmup, synthetic=False)
    assert caught.value.args == (expected,)


def test_too_large_batches_and_unknown_stages_are_told(monkeypatch):
    with pytest.raises(NothingToTrainError, match='batch_size to 6 or less'):
        measure(slow(batch_size=7, drop_last=True), synthetic=False)
    with pytest.raises(LaunchError, match="'cross': it has no stages"):
        measure(slow(), synthetic=False, stage='cross')
    with pytest.raises(LaunchError, match=r"\['init', 'cross'\]; did you mean cross\?"):
        find_stage(SimpleNamespace(stages=((0, 'init'), (3, 'cross'))), 'cros')


def test_what_comes_again_begins_with_its_first_epoch():
    coclr = SimpleNamespace(stages=((0, 'init'), (3, 'rgb'), (5, 'motion'), (7, 'rgb')))
    assert find_stage(coclr, None) == (0, 'init')
    assert find_stage(coclr, 'rgb') == (3, 'rgb') and find_stage(coclr, 'motion') == (5, 'motion')
    # One stage alone need not be named.
    assert find_stage(SimpleNamespace(stages=((0, 'init'),)), None) == (0, None)


@pytest.mark.parametrize(
    ('error', 'words'),
    [
        (torch.OutOfMemoryError('CUDA out of memory.\nmore'), 'smaller --batch-size'),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 'smaller --batch-size'),
        (MemoryError(), 'smaller --batch-size'),
        (ValueError('Expected more than 1 value per channel'), 'larger --batch-size'),
        (RuntimeError('shapes differ'), None),
        (ValueError('shapes differ'), None),
    ],
)
def test_a_batch_of_the_wrong_size_is_told(monkeypatch, error, words):
    monkeypatch.setattr(measuring.BenchmarkRunner, 'from_cfg', _raise(error))
    with pytest.raises(LaunchError if words else type(error)) as caught:
        measure(slow(), synthetic=False)
    if words:
        assert 'batch size 2 cannot run on cpu: ' in str(caught.value)
        assert words in str(caught.value) and 'more)' not in str(caught.value)
    else:
        assert caught.value is error


def _raise(error):
    def forward(*args, **kwargs):
        raise error

    return forward


def test_what_cannot_be_counted_is_said(monkeypatch):
    def fail(*args):
        raise NotImplementedError('no such operator')

    monkeypatch.setattr('ssvrl_mm.train_benchmark.loop.count_flops', fail)
    found = measure(slow(), 1, 1, synthetic=False)
    assert found.flops is None and found.flops_error == 'NotImplementedError: no such operator'


def test_a_filled_queue_holds_unit_keys_of_no_known_video():
    queue = KeyQueue(10, dict(rgb=4, motion=3))
    fill_queue(queue)
    assert bool(queue.is_full) and int(queue.pointer) == 0
    assert queue.usable(torch.arange(-1, 20)).all()
    for stream in queue.streams:
        assert queue[stream].norm(dim=1).tolist() == pytest.approx([1] * 10)
    assert not torch.equal(queue['rgb'][:, :3], queue['motion'])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
@pytest.mark.parametrize('wrapper', ['OptimWrapper', 'DeviceAmpOptimWrapper'])
def test_on_cuda(wrapper):
    cfg = mvcgc()
    cfg.optim_wrapper.type = wrapper
    found = measure(cfg, iterations=4, warmup=2, stage='cross')
    assert found.device.type == 'cuda' and len(found.steps) == 4
    assert found.dtype == ('float32' if wrapper == 'OptimWrapper' else 'bfloat16')
    assert min(found.steps) > 0 and 0 < found.peak_memory < 2**32
    rows = {row['phase']: row['share'] for row in phase_rows(found.phases) if not row['within']}
    assert sum(rows.values()) == pytest.approx(1) and min(rows.values()) >= 0
    assert found.flops['backward'] > 0
