"""The stages of a training: of which epochs a loss, or an accuracy, is the same thing."""

from typing import NamedTuple

from ssvrl_mm.report.run_folder import RunFolder


class Stage(NamedTuple):
    """A stage that a training has come to.

    Attributes:
        name: Its name in the config, ``cross`` for instance.
        epoch: The epochs that were done when it began.
        iteration: The last iteration that was logged before it; 0 of the first stage.
    """

    name: str
    epoch: int
    iteration: int


def stages_of(run: RunFolder) -> list[Stage]:
    """The stages that a run has come to; none of a model that knows no stages.

    Args:
        run: The run; its config says the stages, ``model.stages=[(0, 'init'), (24, 'cross')]``.
    """
    table = (run.cfg.get('model') or {}).get('stages')
    if not isinstance(table, list | tuple):
        return []
    stages = []
    for entry in table:
        # Models of other projects have stages, too, which are something else.
        if not (isinstance(entry, list | tuple) and [type(x) for x in entry] == [int, str]):
            return []
        epoch, name = entry
        # A line tells the epoch that it is in, and counts from 1.
        before = [line['iter'] for line in run.steps if line.get('epoch', 0) <= epoch]
        if len(before) < len(run.steps):
            stages.append(Stage(name, epoch, max(before, default=0)))
    return stages
