"""The result of one run, in a file that says which config it is of."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ssvrl_mm.ablation.plan import VALIDATED, Run
from ssvrl_mm.whole_files import whole_file

RESULT = 'result.json'


@dataclass
class RunResult:
    """What one config gave with one seed.

    Attributes:
        config_sha256: Of the config, see :attr:`~ssvrl_mm.ablation.Run.sha256`.
        validated: Whether it was evaluated during training.
        before: Metrics of the random network.
        after: Metrics of the trained one.
        scalars: Everything that was logged: of training the mean over the last steps, of
            evaluations the last value.
        seconds_per_step: Median time of a training step, the wait for its batch included.
        steps: Training steps.
        versions: Of the packages that have a part in it.
    """

    config_sha256: str
    validated: bool
    before: dict[str, float]
    after: dict[str, float]
    scalars: dict[str, float]
    seconds_per_step: float
    steps: int
    versions: dict[str, str] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Writes ``result.json``, whole or not at all."""
        with whole_file(folder / RESULT) as partial:
            partial.write_text(json.dumps(asdict(self), indent=2) + '\n')


def read_result(run: Run) -> RunResult | None:
    """The result of a run, if there is one and it is of this very config.

    Args:
        run: What is wanted. A result without evaluations during training will not do for a run
            that has them; one with them will do for a run without.
    """
    folders = [run.folder]
    if not run.validates:
        folders.append(run.folder.with_name(run.folder.name + VALIDATED))
    for folder in folders:
        result = load_result(folder / RESULT)
        if result is None or result.config_sha256 != run.sha256:
            continue
        if result.validated or not run.validates:
            return result
    return None


def other_results(run: Run) -> list[Path]:
    """Folders with results of the same name and seed, but of other options, data or checkpoints."""
    folders = run.folder.parent.glob(f'seed_{run.seed}*')
    found = [
        (folder, load_result(folder / RESULT))
        for folder in sorted(folders)
        if folder.name.partition('-')[0] == f'seed_{run.seed}'
    ]
    return [folder for folder, result in found if result and result.config_sha256 != run.sha256]


def load_result(file: Path) -> RunResult | None:
    """The result in a file; None where there is none, or none that this version wrote."""
    try:
        return RunResult(**json.loads(file.read_text()))
    except (FileNotFoundError, TypeError, ValueError):
        return None
