"""The report as a whole: what is asked for in a bug report."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ssvrl_mm.environment.machine import describe_machine
from ssvrl_mm.environment.packages import (
    describe_extras,
    describe_packages,
    describe_video,
    git_revision,
    python_version,
)
from ssvrl_mm.environment.privacy import without_owner, without_secrets
from ssvrl_mm.version import __version__

# Of variables: ours, how many threads there are, what chooses devices and libraries.
_VARIABLES = (
    'SSVRL_', 'OMP_', 'MKL_', 'OPENBLAS_', 'NUMEXPR_', 'KMP_', 'GOMP_', 'VECLIB_', 'CUDA_',
    'CUBLAS_', 'NCCL_', 'NVIDIA_', 'TORCH_', 'PYTORCH_', 'DECORD_', 'OPENCV_', 'AV_', 'FFMPEG_',
    'PYTHONPATH', 'LD_LIBRARY_PATH', 'LD_PRELOAD', 'MALLOC_', 'SLURM_NTASKS', 'SLURM_CPUS_',
)  # fmt: skip
# Of what mmengine collects: the rest stands elsewhere in the report, or is of no use there.
_NOT_TAKEN = (
    'sys.platform', 'Python', 'numpy_random_seed', 'PyTorch compiling details', 'PyTorch',
    'TorchVision', 'OpenCV', 'MMEngine', 'MUSA available',
)  # fmt: skip


def collect_environment(imported: bool = True) -> dict[str, dict[str, str]]:
    """All sections of the report.

    What is missing or broken is said where its version would stand; nothing raises.

    Args:
        imported: Whether packages are imported, to see that they can be, and what torch can use of
            the GPUs is asked for.

    Returns:
        Section -> name -> value.

    Example:
        >>> collect_environment()['ssvrl_mm']['version']
        '0.20.0'
    """
    # As the process was started: OpenCV and torch set some themselves when they are imported.
    told = variables(dict(os.environ))
    package = Path(__file__).resolve().parents[1]
    revision = git_revision(package)
    found = {
        'ssvrl_mm': {
            'version': __version__ + (f' (git {revision})' if revision else ''),
            'folder': str(package),
            'Python': python_version(),
            'command': sys.executable or 'not known',
        },
        'packages': describe_packages(imported),
        'extras': describe_extras(),
        'video': describe_video(),
        'machine': describe_machine(),
        'CUDA': _cuda() if imported else {},
        'variables': told,
    }
    return {
        section: {name: without_owner(value) for name, value in entries.items()}
        for section, entries in found.items()
        if entries
    }


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that change what our code does, without secrets.

    Args:
        environment: ``os.environ``.
    """
    chosen = sorted(name for name in environment if name.startswith(_VARIABLES))
    return {name: without_secrets(name, environment[name]) for name in chosen}


def _cuda() -> dict[str, str]:
    """What torch can use, as mmengine tells, and the versions that torch was built with."""
    try:
        import torch
        from mmengine.utils.dl_utils import collect_env

        told = {name: str(value) for name, value in collect_env().items()}
        told = {name: value for name, value in told.items() if name not in _NOT_TAKEN}
        if torch.version.cuda:
            told['CUDA of torch'] = torch.version.cuda
            told['cuDNN of torch'] = str(torch.backends.cudnn.version())
        for number in range(torch.cuda.device_count()):
            memory = torch.cuda.get_device_properties(number).total_memory
            told[f'memory of GPU {number}'] = f'{memory / 2**30:.1f} GiB'
    except Exception as error:
        return {'torch and mmengine': f'cannot be asked: {type(error).__name__}: {error}'}
    return told


def format_environment(environment: Mapping[str, Mapping[str, str]]) -> str:
    """The report as text, a line for each entry.

    Args:
        environment: Of :func:`collect_environment`.

    Example:
        >>> print(format_environment({'video': {'decoders': 'h264'}}))
        video:
          decoders  h264
    """
    lines = []
    for section, entries in environment.items():
        width = max(map(len, entries), default=0)
        lines += [f'{section}:', *(f'  {name:<{width}}  {entries[name]}' for name in entries)]
    return '\n'.join(lines)
