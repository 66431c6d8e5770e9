"""The machine: system, cores, memory and GPUs, and how much of them a container leaves."""

import os
import platform
import subprocess
from pathlib import Path

# Of cgroups, version 2 and 1: quota and period of the CPU, bytes of memory.
_CGROUP = Path('/sys/fs/cgroup')
_UNLIMITED = 2**60


def describe_machine() -> dict[str, str]:
    """Operating system, processor, cores and memory that this process may use."""
    found = {
        'system': platform.platform(),
        'processor': processor_name(),
        'cores': describe_cores(),
        'memory': describe_memory(),
    }
    driver = _driver()
    return found | ({'NVIDIA driver': driver} if driver else {})


def processor_name() -> str:
    """What the processor calls itself."""
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(':')[2].strip() for line in lines if line.startswith('model name'))
    return next(names, platform.processor() or platform.machine())


def describe_cores() -> str:
    """How many cores there are, and how many of them this process may use."""
    told = [f'{os.cpu_count() or "?"}']
    if hasattr(os, 'sched_getaffinity'):
        told.append(f'{len(os.sched_getaffinity(0))} by affinity')
    quota = cpu_quota()
    if quota is not None:
        told.append(f'{quota:g} by cgroup')
    return ', '.join(told)


def cpu_quota(folder: Path = _CGROUP) -> float | None:
    """Cores' worth of time that a container may use; None where it has no limit.

    Args:
        folder: Where cgroups are.
    """
    try:
        quota, period = (folder / 'cpu.max').read_text().split()
    except (OSError, ValueError):
        try:
            quota = (folder / 'cpu' / 'cpu.cfs_quota_us').read_text()
            period = (folder / 'cpu' / 'cpu.cfs_period_us').read_text()
        except OSError:
            return None
    try:
        cores = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):  # 'max'
        return None
    return cores if cores > 0 else None


def describe_memory() -> str:
    """How much memory there is, is free, and may be used by a container."""
    try:
        lines = Path('/proc/meminfo').read_text().splitlines()
        sizes = {name: int(rest.split()[0]) * 1024 for name, _, rest in map(_split, lines)}
        told = f'{_gib(sizes["MemTotal"])}, {_gib(sizes["MemAvailable"])} free'
    except (OSError, ValueError, KeyError, IndexError):
        told = 'not known'
    limit = memory_limit()
    return told if limit is None else f'{told}, {_gib(limit)} by cgroup'


def memory_limit(folder: Path = _CGROUP) -> int | None:
    """Bytes that a container may use; None where it has no limit.

    Args:
        folder: Where cgroups are.
    """
    for name in ('memory.max', 'memory/memory.limit_in_bytes'):
        try:
            limit = int((folder / name).read_text())
        except (OSError, ValueError):  # 'max'
            continue
        return limit if limit < _UNLIMITED else None
    return None


def _split(line: str) -> tuple[str, str, str]:
    return line.partition(':')


def _gib(size: int) -> str:
    return f'{size / 2**30:.1f} GiB'


def _driver() -> str:
    """Driver and GPUs as nvidia-smi has them, whatever torch can use; '' where there are none."""
    query = ['nvidia-smi', '--query-gpu=driver_version,name,memory.total', '--format=csv,noheader']
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return ''
    return '; '.join(done.stdout.split('\n')).strip('; ') if done.returncode == 0 else ''
