"""Unpacks the archives of a dataset; what is done is not done again."""

import fnmatch
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from ssvrl_mm.datasets.official.dataset import Archive, OfficialDataset, PreparationError

# Hidden folders, which a scan for videos passes over.
_WORK = '.unpacking'
_STAMP = '.unpacked.json'

# Programs that unpack RAR: name -> arguments for (archive, folder).
_RAR_PROGRAMS: dict[str, Callable[[str, str], list[str]]] = {
    'unrar': lambda archive, folder: ['x', '-o+', '-idq', archive, folder + os.sep],
    'bsdtar': lambda archive, folder: ['-xf', archive, '-C', folder],
    'unar': lambda archive, folder: ['-quiet', '-force-overwrite', '-D', '-o', folder, archive],
    '7zz': lambda archive, folder: ['x', '-y', f'-o{folder}', archive],
    '7z': lambda archive, folder: ['x', '-y', f'-o{folder}', archive],
}


def find_archives(archive: Archive, folder: Path) -> list[Path]:
    """The files under a folder that are meant, sorted."""
    found = (
        path
        for path in folder.rglob('*')
        if path.is_file() and fnmatch.fnmatchcase(path.name, archive.pattern)
    )
    return sorted(found, key=lambda path: (path.name, str(path)))


def unpack_dataset(
    dataset: OfficialDataset,
    archives: Path,
    targets: dict[str, Path],
    verify: bool = True,
    progress: bool = True,
) -> list[str]:
    """Unpacks what is there of a dataset's archives.

    Args:
        dataset: Whose archives.
        archives: Folder of the archives.
        targets: Where ``'videos'`` and ``'annotations'`` go.
        verify: Whether to compare SHA-256 where it is known.
        progress: Whether to show progress bars.

    Returns:
        Names of the archives that were unpacked now.

    Raises:
        PreparationError: Nothing is there, an archive is damaged, or a program is missing.
    """
    if not archives.is_dir():
        raise PreparationError(f'no folder of archives at {archives}')
    jobs = [(archive, find_archives(archive, archives)) for archive in dataset.archives]
    if not any(paths for _, paths in jobs):
        wanted = ', '.join(archive.pattern for archive in dataset.archives)
        raise PreparationError(
            f'none of {wanted} under {archives}; --print-commands tells how to get them'
        )
    done = []
    for archive, paths in jobs:
        # The parts of one archive are unpacked together, and other archives one by one.
        groups = [paths] if archive.joined and paths else [[path] for path in paths]
        bar = tqdm(groups, unit='archive', disable=not progress or len(groups) < 2)
        for group in bar:
            target = targets[archive.holds] / archive.into.format(parent=group[0].parent.name)
            if _unpack(archive, group, target, verify, progress):
                done.append(group[0].name)
    return done


def _unpack(
    archive: Archive, paths: Sequence[Path], target: Path, verify: bool, progress: bool
) -> bool:
    stamp = _Stamp(target / _STAMP)
    name, sizes = paths[0].name, [path.stat().st_size for path in paths]
    if stamp.has(name, sizes):
        return False
    if verify and archive.sha256:
        _verify(paths[0], archive.sha256, progress)
    work = target / _WORK / name
    if archive.joined:
        _unpack_parts(paths, work, progress)
    else:
        _unpack_one(paths[0], work, progress)
    for inner in sorted(work.rglob(archive.inner)) if archive.inner else ():
        _unpack_inner(inner, work, target, progress)
    _move(work / archive.strip if (work / archive.strip).is_dir() else work, target)
    shutil.rmtree(work)
    if not any((target / _WORK).iterdir()):
        (target / _WORK).rmdir()
    stamp.add(name, sizes)
    return True


def _unpack_inner(path: Path, outer: Path, target: Path, progress: bool) -> None:
    """Unpacks an archive that was in another one, and removes it."""
    work = target / _WORK / f'{outer.name}.{path.name}'
    _unpack_one(path, work, progress)
    _move(work, target)
    shutil.rmtree(work)
    path.unlink()


class _Stamp:
    """Remembers in a file which archives were unpacked completely."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _load(self) -> dict[str, list[int]]:
        try:
            return json.loads(self.path.read_text(encoding='utf-8'))
        except (OSError, ValueError):
            return {}

    def has(self, name: str, sizes: list[int]) -> bool:
        return self._load().get(name) == sizes

    def add(self, name: str, sizes: list[int]) -> None:
        content = json.dumps({**self._load(), name: sizes}, indent=1)
        self.path.with_suffix('.part').write_text(content, encoding='utf-8')
        self.path.with_suffix('.part').replace(self.path)


def sha256_of(path: Path, progress: bool = False) -> str:
    """SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with (
        open(path, 'rb') as file,
        tqdm(
            total=path.stat().st_size,
            desc=f'sha256 of {path.name}',
            unit='B',
            unit_scale=True,
            disable=not progress,
        ) as bar,
    ):
        while block := file.read(1 << 22):
            digest.update(block)
            bar.update(len(block))
    return digest.hexdigest()


def _verify(path: Path, expected: str, progress: bool) -> None:
    found = sha256_of(path, progress)
    if found != expected:
        raise PreparationError(
            f'{path} ({path.stat().st_size:,} bytes) is not the official file: its sha256 is '
            f'{found}, not {expected}. Resume the download with `wget -c`, or, for a copy that '
            'was packed anew, give --no-checksums'
        )


def _unpack_one(path: Path, work: Path, progress: bool) -> None:
    with open(path, 'rb') as file:
        magic = file.read(4)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        if magic == b'Rar!':
            _run_rar_program(path, work, progress)
        elif zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for member in tqdm(
                    archive.infolist(), f'unpacking {path.name}', disable=not progress
                ):
                    archive.extract(member, work)
        else:
            with tarfile.open(path) as archive:
                archive.extractall(work, filter='data')
    except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise PreparationError(
            f'cannot unpack {path}: {error}; an incomplete download? `wget -c` resumes it'
        ) from error


def _run_rar_program(path: Path, work: Path, progress: bool) -> None:
    found = [(shutil.which(name), name) for name in _RAR_PROGRAMS if shutil.which(name)]
    if not found:
        raise PreparationError(
            f'{path} is a RAR archive, and none of {", ".join(_RAR_PROGRAMS)} is installed: '
            '`sudo apt install unrar` (or `libarchive-tools`, which has bsdtar), '
            '`conda install -c conda-forge libarchive`, or `brew install libarchive`. Or '
            'unpack it by other means and give the folder with --videos or --annotations'
        )
    program, name = found[0]
    command = [str(program), *_RAR_PROGRAMS[name](str(path.absolute()), str(work.absolute()))]
    with (
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process,
        tqdm(desc=f'unpacking {path.name}', unit='file', disable=not progress) as bar,
    ):
        try:
            output = _watch(process, work, bar)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise PreparationError(
            f'`{" ".join(command)}` ended with status {process.returncode}: {output[-500:].strip()}'
        )


def _watch(process: subprocess.Popen, work: Path, bar: tqdm) -> str:
    """Shows how many files there are until the program ends; gives what it printed."""
    while True:
        try:
            output, _ = process.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            output = None
        bar.update(sum(len(files) for _, _, files in os.walk(work)) - bar.n)
        if output is not None:
            return output.decode(errors='replace')


def _unpack_parts(paths: Sequence[Path], work: Path, progress: bool) -> None:
    """Unpacks a tar archive that comes in parts, each of which may be zipped.

    Files that an earlier attempt has written are kept.
    """
    work.mkdir(parents=True, exist_ok=True)
    try:
        with (
            io.BufferedReader(_Joined(_open_parts(paths)), 1 << 20) as stream,
            tarfile.open(fileobj=stream, mode='r|*') as archive,
        ):
            for member in tqdm(
                archive, desc='unpacking', unit='file', disable=not progress, smoothing=0
            ):
                path = work / member.name
                if not (path.is_file() and path.stat().st_size == member.size):
                    archive.extract(member, work, filter='data')
    except (OSError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise PreparationError(
            f'cannot unpack {", ".join(path.name for path in paths)}: {error}; is a part missing '
            'or incomplete?'
        ) from error


def _open_parts(paths: Sequence[Path]) -> Iterator[BinaryIO]:
    """Opens the parts in the order of their names, and closes each before the next."""
    parts: list[tuple[str, Path, str | None]] = []
    for path in paths:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                inside = [name for name in archive.namelist() if re.search(r'-\d\d$', name)]
            parts += [(Path(name).name, path, name) for name in inside]
        else:
            parts.append((path.name, path, None))
    for _, path, inner in sorted(parts, key=lambda part: part[0]):
        if inner is None:
            with open(path, 'rb') as file:
                yield file
        else:
            with zipfile.ZipFile(path) as archive, archive.open(inner) as member:
                yield member  # type: ignore[misc]


class _Joined(io.RawIOBase):
    """Files one after the other, read as one."""

    def __init__(self, files: Iterator[BinaryIO]) -> None:
        self._files = files
        self._file = next(files, None)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # noqa: ANN001 (any writable buffer)
        while self._file is not None:
            data = self._file.read(len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
            self._file = next(self._files, None)
        return 0


def _move(source: Path, target: Path) -> None:
    """Moves a folder's files into another one, which may hold some of its sub-folders."""
    for place, _, files in os.walk(source):
        folder = target / Path(place).relative_to(source)
        folder.mkdir(parents=True, exist_ok=True)
        for name in files:
            os.replace(os.path.join(place, name), folder / name)
