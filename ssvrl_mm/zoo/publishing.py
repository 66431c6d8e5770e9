"""Publishes a trained model: stripped weights, their log, and the entry in the metafile."""

import hashlib
import io
import json
import math
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from mmengine.config import Config
from torch import Tensor

from ssvrl_mm.apis.loading import build_model, init_model
from ssvrl_mm.engine.checkpoint_files import CheckpointFileError, load_checkpoint_file
from ssvrl_mm.evaluation.provenance import versions
from ssvrl_mm.version import __version__
from ssvrl_mm.whole_files import write_whole
from ssvrl_mm.zoo.index import ZooModel, list_models
from ssvrl_mm.zoo.measuring import (
    Figures,
    figures_of,
    largest_difference,
    largest_fall,
    measure_weights,
    result_of,
)
from ssvrl_mm.zoo.metafile import set_entry
from ssvrl_mm.zoo.model_entry import model_entry, published_config, published_text, still_true
from ssvrl_mm.zoo.run_record import RunRecord, differing_settings, read_run
from ssvrl_mm.zoo.stripping import Stripped, strip_weights

#: Most bytes of a file, and of the folder of all of them.
FILE_LIMIT, FOLDER_LIMIT = 8 * 10**6, 60 * 10**6
#: Points by which a figure may fall in float16, and differ from what the run measured.
LOSSLESS, SAME_RUN = 0.1, 2.0


class PublishError(RuntimeError):
    """A model cannot be published; the message says why, and what to do."""


@dataclass(frozen=True)
class Choices:
    """How to publish.

    Attributes:
        out: Folder of the published files.
        index: The ``model-index.yml`` whose metafile gets the entry.
        momentum: Keep momentum encoders.
        queue: Keep the queue.
        heads: Keep what else is for training alone.
        half: Write float16, if no figure falls by more than 0.1 points, or by more than two videos
            where the test is that small.
        safetensors: Write the weights as safetensors, too.
        replace: Remove the model's earlier files.
        device: What the training ran on; None: what its log says, or this machine's cores.
        seeds: The spread over seeds, for ``Metadata``; None: what the metafile has.
    """

    out: Path
    index: Path
    momentum: bool = False
    queue: bool = False
    heads: bool = False
    half: bool = False
    safetensors: bool = False
    replace: bool = False
    device: str | None = None
    seeds: Mapping[str, Any] | None = None


class Published(NamedTuple):
    """What was written.

    Attributes:
        files: Weights, log, and safetensors where they were asked for.
        removed: Earlier files of the model.
        metafile: Where the entry stands.
        entry: The entry.
        left_out: What was left out of the weights -> number of tensors.
        outdated: What the entry said of earlier weights, and no longer does.
    """

    files: tuple[Path, ...]
    removed: tuple[Path, ...]
    metafile: Path
    entry: dict[str, Any]
    left_out: dict[str, int]
    outdated: tuple[str, ...]


def check_before_training(config: str | os.PathLike, how: Choices) -> None:
    """Refuses a model that could not be published however well it is trained.

    The weights are those of a network just built: how large they are is known before they are good.

    Args:
        config: The config that it will be trained with.
        how: How it will be published.

    Raises:
        PublishError: Its file, or the folder with it, would be too large; the index does not list
            the metafile beside the config, or another model has its name.
    """
    config = Path(config)
    name = _place_of(config, how.index).name
    model = build_model(Config.fromfile(config))
    stripped = strip_weights(
        model, model.state_dict(), how.momentum, how.queue, how.heads, how.half
    )
    content = _saved(stripped.weights, {})
    written = {f'{name}.pth': content}
    if how.safetensors:
        written[f'{name}.safetensors'] = content  # as large but for a few bytes a tensor
    _check_sizes(how.out, written, _files_of(name, how.out))


def publish(checkpoint: str | os.PathLike, config: str | os.PathLike, how: Choices) -> Published:
    """Writes the files of a model and its entry, all of them or nothing.

    The figures are measured from the file that is written, by the config's own evaluator. Random
    weights have those that the run measured before its training, or are measured here.

    Args:
        checkpoint: The last one of a run, in its work dir.
        config: The config that it was trained with; its name is the model's.
        how: See :class:`Choices`.

    Raises:
        PublishError: A file or the folder would be too large, earlier files are in the way, float16
            changes a figure, or the figures are not those of the run.
        RunRecordError: The checkpoint is not of this config, or its log is missing.
        StrippingError: Weights are not finite.
        MetafileError: The entry cannot be written without harm to others.
        WeightsError: The checkpoint lacks weights.
    """
    config = Path(config)
    cfg = Config.fromfile(config)
    name, metafile, known = _place_of(config, how.index)
    run = read_run(checkpoint, cfg)
    model, _ = init_model(cfg, checkpoint, device='cpu')
    stripped = strip_weights(model, run.weights, how.momentum, how.queue, how.heads, how.half)
    written = _contents(name, config, run, stripped, how)
    superseded = _superseded(name, how, written)
    _check_sizes(how.out, written, superseded)
    how.out.mkdir(parents=True, exist_ok=True)
    weights = next(iter(written))
    with tempfile.TemporaryDirectory(prefix='.publishing-', dir=how.out) as folder:
        file = Path(folder, weights)
        file.write_bytes(written[weights])
        _check_written(file, stripped.weights)
        figures = _figures(file, config, run, how.half)
    log = next(key for key in written if key.endswith('.log.json'))
    others = {
        f'Safetensors{part}': value
        for key, content in written.items()
        if key.endswith('.safetensors')
        for part, value in (('', key), (' SHA-256', hashlib.sha256(content).hexdigest()))
    }
    facts = {
        **({'Seed': run.seed} if run.seed is not None else {}),
        'Device': how.device or run.device,
        'Training Time (hours)': float(f'{run.hours:.2g}'),
        'Parameters (M)': float(f'{_parameters(model) / 1e6:.3g}'),
        'Weights SHA-256': hashlib.sha256(written[weights]).hexdigest(),
        **others,
        'Log': log,
        'Log SHA-256': hashlib.sha256(written[log]).hexdigest(),
        **({'Seeds': dict(how.seeds)} if how.seeds else {}),
    }
    path = os.path.relpath(config.resolve(), how.index.parent.resolve()).replace(os.sep, '/')
    known, outdated = still_true(known, facts, _same_settings(known, cfg, how.out))
    entry = model_entry(name, path, cfg, known, facts, figures, weights)
    _check_names(entry, how.index)
    text = set_entry(metafile.read_text(encoding='utf-8'), entry, str(metafile))
    for key, content in written.items():
        write_whole(how.out / key, content)
    write_whole(metafile, text.encode())
    for old in superseded:
        old.unlink()
    files = tuple(how.out / key for key in written)
    return Published(files, tuple(superseded), metafile, entry, stripped.left_out, outdated)


class _Place(NamedTuple):
    name: str
    metafile: Path
    known: dict[str, Any]


def _place_of(config: Path, index: Path) -> _Place:
    """The model of a config: its name, the metafile of its folder, and what that says so far."""
    metafile = config.parent / 'metafile.yml'
    imported = yaml.safe_load(index.read_text(encoding='utf-8')).get('Import') or []
    if metafile.resolve() not in [(index.parent / part).resolve() for part in imported]:
        raise PublishError(f'{index} does not list {metafile}: the entry belongs into a metafile')
    content = yaml.safe_load(metafile.read_text(encoding='utf-8')) or {}
    models = content.get('Models') or []
    entries = [m for m in models if _is_of(m, config, index)]
    if len(entries) > 1:
        raise PublishError(f'{metafile}: {config.name} is the Config of {len(entries)} models')
    name = entries[0]['Name'] if entries else config.stem
    namesakes = [m for m in models if m.get('Name') == name and not _is_of(m, config, index)]
    if namesakes:
        raise PublishError(
            f'{metafile}: {name} is a model of {namesakes[0].get("Config")}, and not of {config}'
        )
    collections = content.get('Collections') or []
    method = {'In Collection': collections[0]['Name']} if collections else {}
    return _Place(name, metafile.resolve(), {**method, **(entries[0] if entries else {})})


def _is_of(entry: Mapping[str, Any], config: Path, index: Path) -> bool:
    return (index.parent / str(entry.get('Config'))).resolve() == config.resolve()


def _same_settings(known: Mapping[str, Any], cfg: Config, out: Path) -> bool:
    """Whether the weights that were published before were trained as the config says."""
    file = out / str(known.get('Weights'))
    if not file.is_file():
        return False
    try:
        meta = load_checkpoint_file(str(file)).get('meta') or {}
    except CheckpointFileError:  # it is about to be replaced
        return False
    return not differing_settings(str(meta.get('cfg')), published_config(Path(cfg.filename)))


def _contents(
    name: str, config: Path, run: RunRecord, stripped: Stripped, how: Choices
) -> dict[str, bytes]:
    """File name -> content: the weights first."""
    meta = {
        'name': name,
        'cfg': published_text(config),
        'ssvrl_mm_version': __version__,
        'versions': versions(),
        'epoch': run.epoch,
        'seed': run.seed,
        'precision': 'float16' if how.half else 'float32',
        'left_out': stripped.left_out,
    }
    saved = _saved(stripped.weights, meta)
    written = {_named(name, saved, 'pth'): saved}
    stem = next(iter(written)).removesuffix('.pth')
    if how.safetensors:
        try:
            from safetensors.torch import save
        except ImportError as error:
            raise PublishError(
                'safetensors is not installed: `pip install safetensors`, or publish without'
            ) from error
        content = save(stripped.weights, {'format': 'pt', 'meta': json.dumps(meta)})
        written[_named(name, content, 'safetensors')] = content
    lines = [json.dumps(_finite(line)) for line in run.scalars]
    written[f'{stem}.log.json'] = ('\n'.join(lines) + '\n').encode()
    return written


def _saved(weights: Mapping[str, Tensor], meta: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    torch.save({'state_dict': dict(weights), 'meta': dict(meta)}, buffer)
    return buffer.getvalue()


def _named(name: str, content: bytes, suffix: str) -> str:
    return f'{name}-{hashlib.sha256(content).hexdigest()[:8]}.{suffix}'


def _finite(line: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows neither NaN nor infinity."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in line.items()
    }


def _superseded(name: str, how: Choices, written: Mapping[str, bytes]) -> list[Path]:
    """The model's earlier files, which only ``replace`` removes."""
    others = [file for file in _files_of(name, how.out) if file.name not in written]
    if others and not how.replace:
        raise PublishError(
            f'{how.out} holds other files of {name} ({", ".join(file.name for file in others)}): '
            '--replace removes them once the new ones are there'
        )
    return others


def _files_of(name: str, out: Path) -> list[Path]:
    ours = re.compile(re.escape(name) + r'-[0-9a-f]{8}\.(pth|safetensors|log\.json)')
    return [file for file in sorted(out.glob('*')) if ours.fullmatch(file.name)]


def _check_sizes(out: Path, written: Mapping[str, bytes], superseded: Sequence[Path]) -> None:
    for key, content in written.items():
        if len(content) > FILE_LIMIT:
            raise PublishError(
                f'{key} would have {len(content) / 1e6:.2f} MB, and a file may have '
                f'{FILE_LIMIT / 1e6:.2f}: publish float16 (--fp16), without --keep-heads and the '
                'like, or train a narrower network'
            )
    gone = {*written, *(file.name for file in superseded)}
    others = [
        file.stat().st_size for file in out.glob('*') if file.is_file() and file.name not in gone
    ]
    total = sum(others) + sum(map(len, written.values()))
    if total > FOLDER_LIMIT:
        raise PublishError(
            f'{out} would hold {total / 1e6:.1f} MB, and may hold {FOLDER_LIMIT / 1e6:.0f}: '
            'remove a model, or publish float16'
        )


def _check_written(file: Path, weights: Mapping[str, Tensor]) -> None:
    """Reads the file as strangers will, and compares it with what was to be written."""
    read = torch.load(file, map_location='cpu', weights_only=True)['state_dict']
    if list(read) != list(weights) or not all(
        torch.equal(value, weights[name]) and value.dtype == weights[name].dtype
        for name, value in read.items()
    ):
        raise PublishError(f'{file.name} does not hold what was written: is the disk in order?')


def _figures(file: Path, config: Path, run: RunRecord, half: bool) -> Figures:
    """The figures of the written file, beside random weights, checked against those of the run."""
    seed = run.seed or 0
    before = run.result.before if run.result else measure_weights(config, None, seed)
    written = measure_weights(config, file)
    figures = unrounded = figures_of(result_of(before, written))
    if half:
        unrounded = figures_of(result_of(before, measure_weights(config, run.checkpoint)))
        points, where = largest_fall(unrounded, figures)
        # A probe that is fitted anew moves a video or two of a small test, up as well as down.
        most = max(LOSSLESS, 200 / written.get('retrieval/num_query', math.inf))
        if points > most + 1e-6:
            raise PublishError(
                f'float16 lowers {where} by {points:.2f} points, and may lower a figure by '
                f'{most:.2g}: publish float32'
            )
    if run.result:
        points, where = largest_difference(unrounded, figures_of(run.result))
        if points > SAME_RUN:
            raise PublishError(
                f'{where} is {points:.1f} points from what the run measured '
                f'({run.checkpoint.parent / "result.json"}): is the checkpoint of this run?'
            )
    return figures


def _parameters(model: Any) -> int:
    """The parameters that features come from."""
    spared = tuple(getattr(model, 'training_only', ()))
    return sum(p.numel() for name, p in model.named_parameters() if not name.startswith(spared))


def _check_names(entry: Mapping[str, Any], index: Path) -> None:
    """No other model may be called by the model's names."""
    models: dict[str, ZooModel] = {**list_models(index=index)}
    models.update(list_models(recipes=True, index=index))
    alias = entry.get('Alias') or []
    for known in (entry['Name'], *([alias] if isinstance(alias, str) else alias)):
        if known in models and models[known].name != entry['Name']:
            raise PublishError(
                f'{models[known].name} is called {known!r}, too: give {entry["Name"]} another '
                'Alias in its metafile first'
            )
