"""Steps of every method where there is no GPU: on tensors that only say that they are on one."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.interpreter import run_fresh
from tests.test_models.test_steps import METHODS

pytestmark = pytest.mark.skipif(shutil.which('g++') is None, reason='g++ is not installed')


def test_steps_mix_no_devices_and_wait_for_none(repository):
    process = subprocess.run(
        [sys.executable, '-m', 'tests.fake_cuda.steps'],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout.splitlines()[-1])
    # The first step looks at how embeddings spread, and is seen to wait; views have none.
    embedding = [method for method in METHODS if method != 'views']
    assert {name for name, steps in found.items() if steps.get('looked')} == {
        f'{method} {dtype}' for method in embedding for dtype in ('float32', 'bfloat16')
    }
    assert len(found) == 2 * len(METHODS) + 2
    for name, steps in found.items():
        assert not steps['waits'] and not steps['mixed'], (name, steps)


def test_the_device_notices(repository):
    found = run_fresh(
        """
        import json, os
        from tests.fake_cuda.device import Device, torch
        with Device('<string>') as device:
            there, here = torch.arange(4, device='cuda'), torch.arange(4)
            (there + 1).sum()
            here.to('cuda', non_blocking=True)
            for wait in (
                lambda: int(there[0]),
                lambda: there.nonzero(),
                lambda: there[there > 1],
                lambda: there[here],
                lambda: there.cpu(),
                lambda: here.to('cuda'),
            ):
                wait()
            assert not device.mixed
            there + here
        print(json.dumps([sorted(w.rpartition(' at ')[0] for w in device.waits.elements()),
                          sorted(device.mixed)]))
        """,
        repository,
    )
    waits, mixed = json.loads(found.splitlines()[-1])
    assert waits == sorted(
        ['value', 'aten.nonzero.default', 'mask as index', 'index of the host', 'copy', 'copy']
    )
    assert len(mixed) == 1 and mixed[0].startswith('aten.add.Tensor at')
