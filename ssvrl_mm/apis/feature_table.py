"""Features of many videos in one file: npz, HDF5 or Parquet."""

import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ssvrl_mm.evaluation.optional import require
from ssvrl_mm.whole_files import whole_file

FORMATS = ('.npz', '.h5', '.hdf5', '.parquet')


class FeatureFileError(ValueError):
    """A file of features that cannot be written or read; the message names it."""


@dataclass
class FeatureTable:
    """Features of N videos, a row per video.

    Attributes:
        paths: As the list gives them, or relative to the folder that was searched.
        labels: Class indices, -1 where unknown, int64 (N,).
        clip_times: Seconds at which each clip begins and ends, float32 (N, V, 2). NaN for clips
            that a video does not have: a moving window gives long videos more of them.
        features: Stream -> float32 (N, D), or (N, V, D) with the clips kept (NaN likewise).
        provenance: Where they come from: config, checkpoint, data list, seed, versions, and the
            videos that were left out.
    """

    paths: list[str]
    labels: np.ndarray
    clip_times: np.ndarray
    features: dict[str, np.ndarray]
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {'labels': len(self.labels), 'clip_times': len(self.clip_times)}
        lengths.update({stream: len(rows) for stream, rows in self.features.items()})
        wrong = {name: length for name, length in lengths.items() if length != len(self.paths)}
        if wrong:
            raise FeatureFileError(f'{len(self.paths)} paths, but {wrong}')

    def __len__(self) -> int:
        return len(self.paths)

    def averaged(self) -> dict[str, np.ndarray]:
        """Stream -> (N, D): the mean over the clips of a video where they were kept."""
        return {
            stream: np.nanmean(rows, axis=1) if rows.ndim == 3 else rows
            for stream, rows in self.features.items()
        }

    def save(self, path: str | os.PathLike) -> None:
        """Writes the table; the suffix tells the format. The file appears when it is complete.

        Args:
            path: ``.npz``; ``.h5`` (needs h5py); ``.parquet`` (needs pyarrow).

        Raises:
            FeatureFileError: Another suffix.
            ImportError: The format's package is not installed.
        """
        path = check_format(path)
        with whole_file(path) as partial:
            _WRITERS[path.suffix.lower()](self, partial)

    @classmethod
    def load(cls, path: str | os.PathLike) -> 'FeatureTable':
        """Reads a file that :meth:`save` wrote.

        Raises:
            FeatureFileError: The file is missing or something else.
            ImportError: The format's package is not installed.
        """
        path = check_format(path)
        if not path.is_file():
            raise FeatureFileError(f'no file of features at {path}')
        try:
            return cls(**_READERS[path.suffix.lower()](path))
        except (EOFError, KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
            if isinstance(error, FeatureFileError):
                raise
            raise FeatureFileError(f'{path} is no file of features: {error}') from error


def join_tables(tables: Sequence[FeatureTable]) -> FeatureTable:
    """The rows of several tables in order, with the provenance of the first.

    Videos with fewer clips than others are filled up with NaN.

    Raises:
        FeatureFileError: The tables differ in their streams or widths.
    """
    first = tables[0]
    shapes = [{s: (rows.ndim, rows.shape[-1]) for s, rows in t.features.items()} for t in tables]
    if any(shape != shapes[0] for shape in shapes):
        raise FeatureFileError('tables of different streams, widths or clips cannot be joined')
    return FeatureTable(
        [path for table in tables for path in table.paths],
        np.concatenate([table.labels for table in tables]),
        _stack([table.clip_times for table in tables]),
        {stream: _stack([table.features[stream] for table in tables]) for stream in first.features},
        first.provenance,
    )


def check_format(path: str | os.PathLike) -> Path:
    """The path, if its suffix is one we write and the package for it is there."""
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise FeatureFileError(f'{path}: features go to one of {", ".join(FORMATS)}')
    if suffix in ('.h5', '.hdf5'):
        require('h5py', 'h5py', f'{suffix} (.npz needs nothing)')
    elif suffix == '.parquet':
        require('pyarrow', 'pyarrow', '.parquet (.npz needs nothing)')
    return path


def _stack(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Concatenates rows; (N, V, D) of different V are filled up with NaN."""
    if arrays[0].ndim < 3:
        return np.concatenate(arrays)
    clips = max(array.shape[1] for array in arrays)
    stacked = np.full((sum(map(len, arrays)), clips, arrays[0].shape[2]), np.nan, np.float32)
    start = 0
    for array in arrays:
        stacked[start : start + len(array), : array.shape[1]] = array
        start += len(array)
    return stacked


def _write_npz(table: FeatureTable, path: Path) -> None:
    arrays = {f'features/{stream}': rows for stream, rows in table.features.items()}
    with open(path, 'wb') as file:
        np.savez(
            file,
            paths=np.array(table.paths, dtype=np.str_),
            labels=table.labels,
            clip_times=table.clip_times,
            provenance=np.array(json.dumps(table.provenance)),
            **arrays,  # type: ignore[arg-type]
        )


def _read_npz(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as file:
        return {
            'paths': file['paths'].tolist(),
            'labels': file['labels'],
            'clip_times': file['clip_times'],
            'features': {
                name.removeprefix('features/'): file[name]
                for name in file.files
                if name.startswith('features/')
            },
            'provenance': json.loads(str(file['provenance'])),
        }


def _write_h5(table: FeatureTable, path: Path) -> None:
    h5py: Any = require('h5py', 'h5py', '.h5')
    with h5py.File(path, 'w') as file:
        file.create_dataset('path', data=table.paths, dtype=h5py.string_dtype())
        file['label'] = table.labels
        file['clip_times'] = table.clip_times
        for stream, rows in table.features.items():
            file[f'features/{stream}'] = rows
        file.attrs['provenance'] = json.dumps(table.provenance)


def _read_h5(path: Path) -> dict[str, Any]:
    h5py: Any = require('h5py', 'h5py', '.h5')
    with h5py.File(path, 'r') as file:
        return {
            'paths': file['path'].asstr()[:].tolist(),
            'labels': file['label'][:],
            'clip_times': file['clip_times'][:],
            'features': {stream: rows[:] for stream, rows in file['features'].items()},
            'provenance': json.loads(file.attrs['provenance']),
        }


def _write_parquet(table: FeatureTable, path: Path) -> None:
    pyarrow: Any = require('pyarrow', 'pyarrow', '.parquet')
    parquet: Any = require('pyarrow.parquet', 'pyarrow', '.parquet')

    def column(rows: np.ndarray) -> Any:
        """(N, ...) as fixed-size lists, one inside the other."""
        array = pyarrow.array(rows.reshape(-1))
        for size in reversed(rows.shape[1:]):
            array = pyarrow.FixedSizeListArray.from_arrays(array, size)
        return array

    columns = {'path': pyarrow.array(table.paths, pyarrow.string()), 'label': column(table.labels)}
    columns['clip_times'] = column(table.clip_times)
    columns.update({f'features_{stream}': column(rows) for stream, rows in table.features.items()})
    written = pyarrow.table(columns)
    provenance = json.dumps(table.provenance).encode()
    parquet.write_table(written.replace_schema_metadata({b'provenance': provenance}), path)


def _read_parquet(path: Path) -> dict[str, Any]:
    pyarrow: Any = require('pyarrow', 'pyarrow', '.parquet')
    parquet: Any = require('pyarrow.parquet', 'pyarrow', '.parquet')
    table = parquet.read_table(path)

    def rows(name: str) -> np.ndarray:
        array = table[name].combine_chunks()
        shape = [len(array)]
        while pyarrow.types.is_fixed_size_list(array.type):
            shape.append(array.type.list_size)
            array = array.flatten()
        return array.to_numpy(zero_copy_only=False).reshape(shape)

    prefix = 'features_'
    return {
        'paths': table['path'].to_pylist(),
        'labels': rows('label'),
        'clip_times': rows('clip_times'),
        'features': {
            name.removeprefix(prefix): rows(name)
            for name in table.column_names
            if name.startswith(prefix)
        },
        'provenance': json.loads(table.schema.metadata[b'provenance']),
    }


_WRITERS = {'.npz': _write_npz, '.h5': _write_h5, '.hdf5': _write_h5, '.parquet': _write_parquet}
_READERS = {'.npz': _read_npz, '.h5': _read_h5, '.hdf5': _read_h5, '.parquet': _read_parquet}
