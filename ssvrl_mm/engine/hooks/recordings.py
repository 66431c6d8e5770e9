"""Whether the keys that a training contrasts with are of recordings that it knows."""

from collections.abc import Iterator
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from ssvrl_mm.engine.hooks.training_amount import NothingToTrainError
from ssvrl_mm.registry import HOOKS
from ssvrl_mm.wrapping import innermost_datasets, unwrap_model


@HOOKS.register_module()
class RecordingsHook(Hook):
    """Compares the recordings of the training videos with those of the keys in the queue.

    Keys of a query's own recording are no negatives. Where all videos are of one recording, none
    is left to contrast with: the training is refused. Where a queue that was loaded holds keys of
    recordings that no training video is of - of another list, of another ``group``, of a version
    that did not know recordings -, a warning says how many: until new keys have replaced them,
    they are taken for those of other recordings, which some of them may not be.

    Datasets that do not number recordings, and models without a queue, are not looked at.

    Raises:
        NothingToTrainError: All videos are of one recording.

    Example:
        >>> default_hooks = dict(recordings=dict(type='RecordingsHook'))
    """

    priority = 'NORMAL'

    def before_train(self, runner: Runner) -> None:
        """Looks at the first videos, and at all of them where a queue was loaded."""
        # Imports all models, which whoever only launches need not wait for.
        from ssvrl_mm.models.utils.key_queue import UNKNOWN_VIDEO, KeyQueue

        model: Any = unwrap_model(runner.model)
        queues = [module for module in model.modules() if isinstance(module, KeyQueue)]
        datasets = innermost_datasets(runner.train_dataloader.dataset)
        first = next(_recordings(datasets), None)
        if not queues or first is None:
            return
        if all(recording == first for recording in _recordings(datasets)):
            raise NothingToTrainError(
                'all training videos are of one recording, whose keys are left out of the '
                'contrast: nothing would be trained. Add videos of others, or set group=False in '
                'the dataset if each video is a recording of its own.'
            )
        held = [number for queue in queues for number in queue.video_ids[queue.valid].tolist()]
        held = [number for number in held if number != UNKNOWN_VIDEO]
        known = set(_recordings(datasets)) if held else set()
        strange = sum(number not in known for number in held)
        if strange:
            runner.logger.warning(
                '%d of the %d keys in the queue are of recordings that no training video is of: '
                'they come from another list, another `group`, or a version that did not know '
                'recordings. Until new keys have replaced them, they are negatives of all videos.',
                *(strange, len(held)),
            )


def _recordings(datasets: list[Any]) -> Iterator[int | None]:
    """The number of each video's recording; None where a dataset gives none."""
    for dataset in datasets:
        read = getattr(dataset, 'get_data_info', None)
        for index in range(len(dataset)):
            yield read(index).get('recording_id') if read else None
