"""What all runs say together."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ssvrl_mm.ablation.results import RunResult
from ssvrl_mm.ablation.statistics import Difference, Spread, difference_of, spread_of

#: A measure, and how the metrics of each stream end that give it.
MEASURES = {'R@1': '_R@1', 'probe': '_logistic'}

Results = Mapping[str, Mapping[int, RunResult]]


def summarise_ablation(
    results: Results,
    failed: Mapping[str, Mapping[int, str]],
    baseline: str,
    columns: Sequence[str] = (),
) -> dict[str, Any]:
    """Means, deviations and differences of each config.

    Args:
        results: Config -> seed -> result; every config is there, if with none.
        failed: Config -> seed -> why it has no result.
        baseline: What the other configs are compared with.
        columns: Logged scalars to report, too.

    Returns:
        ``dict(baseline, columns, versions, configs)``, fit for JSON; ``versions`` are those that
        differ between runs: package -> version -> the runs, as ``'NAME, seed N'``; of each config
        ``seeds``, ``failed``, ``streams`` (stream -> measure -> ``chance``, ``random`` and
        ``trained`` weights, ``gain`` of the training, and ``difference`` from the baseline's
        stream, which the baseline lacks), ``columns`` and ``seconds_per_step``, ``runs`` with all
        figures. Recalls and accuracies
        are in [0, 1]; None stands for what a single seed cannot tell.
    """
    configs: dict[str, dict[str, Any]] = {}
    for name, of_seeds in results.items():
        runs = list(of_seeds.values())
        configs[name] = {
            'seeds': list(of_seeds),
            'failed': dict(failed.get(name, {})),
            'streams': _streams(runs),
            'columns': {
                column: _spread([r.scalars.get(column) for r in runs]) for column in columns
            },
            'seconds_per_step': _spread([r.seconds_per_step for r in runs]),
            'runs': [{'seed': seed, **asdict(run)} for seed, run in of_seeds.items()],
        }
    reference = configs[baseline]['streams']
    for name, config in configs.items():
        for stream, measures in config['streams'].items():
            for measure, figures in measures.items() if name != baseline else ():
                other = reference.get(stream, {}).get(measure)
                if other is not None:
                    figures['difference'] = _difference(figures['trained'], other['trained'])
    return _finite(
        {
            'baseline': baseline,
            'columns': list(columns),
            'versions': _differing_versions(results),
            'configs': configs,
        }
    )


def unknown_columns(results: Results, columns: Sequence[str]) -> dict[str, list[str]]:
    """The columns that no run logged, each with all that was logged."""
    logged = {name for runs in results.values() for run in runs.values() for name in run.scalars}
    return {column: sorted(logged) for column in columns if logged and column not in logged}


def _differing_versions(results: Results) -> dict[str, dict[str, list[str]]]:
    """Package -> version -> runs, of the packages that not all runs had alike."""
    runs = {
        f'{name}, seed {seed}': run.versions
        for name, of_seeds in results.items()
        for seed, run in of_seeds.items()
    }
    found: dict[str, dict[str, list[str]]] = {}
    for package in sorted({package for versions in runs.values() for package in versions}):
        for title, versions in runs.items():
            version = versions.get(package, 'unknown')
            found.setdefault(package, {}).setdefault(version, []).append(title)
    return {package: versions for package, versions in found.items() if len(versions) > 1}


def _streams(runs: Sequence[RunResult]) -> dict[str, dict[str, dict[str, Any]]]:
    """Stream -> measure -> figures, in the order of the metrics."""
    streams: dict[str, dict[str, dict[str, Any]]] = {}
    if not runs:
        return streams
    for measure, ending in MEASURES.items():
        for stream, name, chance in _named(runs[0].after, ending):
            before, after = (
                spread_of([metrics[name] for metrics in (getattr(run, when) for run in runs)])
                for when in ('before', 'after')
            )
            streams.setdefault(stream, {})[measure] = {
                'chance': runs[0].after.get(chance),
                'random': before._asdict(),
                'trained': after._asdict(),
                'gain': _plain(difference_of(after, before)),
            }
    return streams


def _named(metrics: Mapping[str, float], ending: str) -> Iterator[tuple[str, str, str]]:
    """Each stream of a measure: what to call it, its metric and the metric of chance.

    A published protocol is part of the name: ``coclr/rgb`` of ``retrieval/coclr/rgb_R@1``.
    """
    for name in metrics:
        if not name.endswith(ending):
            continue
        prefix, _, rest = name.rpartition('/')
        stream = rest.removesuffix(ending)
        if stream != 'chance':
            protocol = prefix.partition('/')[2]
            title = f'{protocol}/{stream}' if protocol else stream
            yield title, name, f'{prefix}/chance{ending}'


def _spread(values: Sequence[float | None]) -> dict[str, Any] | None:
    """Mean and deviation of the figures that are there; None where there are none."""
    found = [value for value in values if value is not None]
    return spread_of(found)._asdict() if found else None


def _difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    return _plain(difference_of(Spread(**first), Spread(**second)))


def _finite(node: Any) -> Any:
    """The same with None for NaN and infinity, which JSON does not know."""
    if isinstance(node, dict):
        return {key: _finite(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_finite(value) for value in node]
    return None if isinstance(node, float) and not math.isfinite(node) else node


def _plain(difference: Difference) -> dict[str, Any]:
    return {**difference._asdict(), 'undecided': difference.undecided}
