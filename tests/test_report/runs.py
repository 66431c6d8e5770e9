"""Work dirs of runs, written by hand: what mmengine would leave, without a training."""

import json
from pathlib import Path

HOSTILE = '<script>broken=1</script>'
_LOG = """2026/01/01 10:00:00 - mmengine - INFO -
------------------------------------------------------------
System environment:
    sys.platform: linux
    PyTorch: 9.9.9+there
    PyTorch compiling details: PyTorch built with:
  - GCC 13.3
    GPU number: 2

Runtime environment:
    seed: 0
------------------------------------------------------------

2026/01/01 10:00:05 - mmengine - WARNING - cannot use videos/<b>bad</b>.mp4: VideoError: is & was empty
2026/01/01 10:00:06 - mmengine - WARNING - leaves out videos that are too short, the first being a.mp4
2026/01/01 10:01:00 - mmengine - WARNING - 3 of 8 videos are too short and left out so far
2026/01/01 10:02:00 - mmengine - WARNING - nobody expected this
"""  # noqa: E501


def write_config(folder: Path, **settings) -> Path:
    """The config of a launch, as mmengine writes it."""
    settings = {'default_scope': 'ssvrl_mm', **settings}
    file = folder / 'vis_data' / 'config.py'
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(''.join(f'{name} = {value!r}\n' for name, value in settings.items()))
    return file


def write_launch(run: Path, name: str, iterations=(), validations=(), log=_LOG, **settings) -> Path:
    """A launch: its config, log, and what it logged of iterations and validations (epochs)."""
    folder = run / name
    write_config(folder, **settings)
    if log:
        (folder / f'{name}.log').write_text(log)
    lines = [
        dict(
            lr=0.1,
            loss=10.0 - i / 10,
            top1_rgb=0.2,
            time=0.5,
            data_time=0.1,
            iter=i,
            epoch=1,
            step=i,
        )
        for i in iterations
    ]
    lines += [{'retrieval/rgb_R@1': 0.1 * epoch, 'step': epoch} for epoch in validations]
    if lines:
        scalars = folder / 'vis_data' / 'scalars.json'
        scalars.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    return folder


def figures(after=0.6) -> dict:
    """The figures of a demo, of 100 queries."""
    from ssvrl_mm.demo.summary import summarise

    names = ('rgb', 'motion')
    metrics = {'chance_R@1': 0.25, 'num_query': 100.0}
    first = metrics | {f'{name}_R@1': 0.3 for name in names}
    return summarise(first, metrics | {f'{name}_R@1': after for name in names})
