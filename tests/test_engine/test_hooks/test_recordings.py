import pytest
import torch
from mmengine.dataset import BaseDataset, ConcatDataset

from ssvrl_mm.engine import NothingToTrainError
from ssvrl_mm.models.utils import KeyQueue
from tests.test_engine.test_hooks.toy_run import Toy, toy_run

HOOKS = dict(recordings=dict(type='RecordingsHook'))


class Videos(BaseDataset):
    """Videos of the given recordings."""

    def __init__(self, recordings):
        self.recordings = recordings
        super().__init__(serialize_data=False)

    def load_data_list(self):
        return [dict(recording_id=number) for number in self.recordings]

    def prepare_data(self, idx):
        return dict(inputs=torch.zeros(1))


class Remembering(Toy):
    """A model with a queue that holds some keys."""

    def __init__(self, held=(), length=6):
        super().__init__()
        self.queue = KeyQueue(length, {'rgb': 2})
        if held:
            self.queue.enqueue({'rgb': torch.ones(len(held), 2)}, torch.tensor(held))


def run(folder, dataset, model, hooks=HOOKS, **kwargs):
    loader = dict(dataset=dataset, sampler=dict(type='DefaultSampler'), batch_size=1)
    kwargs = dict(model=model, train_dataloader=loader, **kwargs)
    runner = toy_run(folder, hooks=hooks, **kwargs)
    runner.train()
    (log,) = (text.read_text() for text in folder.glob('*/*.log'))
    return log


def test_videos_of_one_recording_have_nothing_to_contrast_with(tmp_path):
    with pytest.raises(NothingToTrainError, match='all training videos are of one recording'):
        run(tmp_path / 'a', Videos([7, 7, 7]), Remembering())
    # Of two lists of one recording each, every one has the other.
    run(tmp_path / 'b', ConcatDataset([Videos([7, 7]), Videos([8])]), Remembering())
    run(tmp_path / 'c', Videos([7, 8]), Remembering())
    # Without a queue, or where recordings are not known, nobody can tell.
    run(tmp_path / 'd', Videos([7, 7]), Toy())
    run(tmp_path / 'e', [dict(inputs=torch.zeros(1))] * 2, Remembering([3]))
    assert 'keys in the queue' not in run(tmp_path / 'f', Videos([None, None]), Remembering([3]))


def test_keys_of_unknown_recordings_are_counted(tmp_path):
    two = ConcatDataset([Videos([7, 9]), Videos([8])])
    # An empty slot and a key of an unknown video are of no recording.
    log = run(tmp_path / 'a', two, Remembering([7, 3, 8, 3, -1]))
    assert '2 of the 4 keys in the queue are of recordings that no training video is of' in log
    assert 'WARNING' in log
    log = run(tmp_path / 'b', two, Remembering([7, 9, 8, -1]))
    assert 'keys in the queue' not in log
    assert '1 of the 1 keys' in run(tmp_path / 'c', two, Remembering([0]))


def test_a_queue_that_was_loaded_is_the_one_that_counts(tmp_path):
    before = Remembering([7, 8, 5])
    torch.save(dict(state_dict=before.state_dict()), tmp_path / 'before.pth')
    log = run(
        tmp_path / 'run', Videos([7, 8]), Remembering(), load_from=str(tmp_path / 'before.pth')
    )
    assert '1 of the 3 keys in the queue' in log
