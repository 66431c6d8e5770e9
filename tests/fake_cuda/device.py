"""A CUDA device that is none: tensors of the CPU that say they are on it, and a note of each wait.

Import it before torch, in a process of its own: it changes torch for good. Autograd and autocast
are the real ones. What cannot be seen: speed, kernels, precision, streams.
"""

import ctypes
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path


def _register():
    """Compiles the C++ side once, with g++, and loads it, which has to happen before torch."""
    home = Path(importlib.util.find_spec('torch').origin).parent
    name = f'fake_cuda_{importlib.metadata.version("torch")}_{sys.version_info[1]}.so'
    library = Path(tempfile.gettempdir()) / name
    if not library.exists():
        built = library.with_name(f'{library.name}.{os.getpid()}')
        includes = [f'-I{home}/include', f'-I{home}/include/torch/csrc/api/include']
        subprocess.run(
            ['g++', '-std=c++20', '-O1', '-fPIC', '-shared', *includes]
            + [str(Path(__file__).with_name('cuda.cpp')), '-o', str(built)]
            + [f'-L{home}/lib', '-lc10', '-ltorch_cpu', f'-Wl,-rpath,{home}/lib'],
            check=True,
        )
        built.rename(library)
    ctypes.CDLL(str(library))


_register()

import torch  # noqa: E402
import torch.cuda.amp.common  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves, tree_map  # noqa: E402

aten = torch.ops.aten
torch.set_num_threads(1)
# Module.to() is to make parameters of this class, not to put its insides into those of the CPU.
torch.__future__.set_overwrite_module_params_on_conversion(True)
torch.cuda.is_available = lambda: True
torch.cuda.is_bf16_supported = lambda *args, **kwargs: True
torch.cuda.is_current_stream_capturing = lambda: False
torch.cuda._lazy_init = lambda: None
torch.cuda.device_count = lambda: 1
torch.cuda.current_device = lambda: 0
torch.cuda.amp.common.amp_definitely_not_available = lambda: False

# Of what these give, the host has to know how much there is.
_OF_UNKNOWN_LENGTH = (
    aten.nonzero.default,
    aten.masked_select.default,
    aten._unique2.default,
    aten.unique_dim.default,
    aten.repeat_interleave.Tensor,
    aten.bincount.default,
    aten.equal.default,
)
_INDEXING = (aten.index.Tensor, aten.index_put_.default, aten.index_put.default)


class OnDevice(torch.Tensor):
    """A tensor that says it is on ``cuda:0``."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, values):
        tensor = torch.Tensor._make_wrapper_subclass(
            cls,
            values.size(),
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            device='cuda:0',
        )
        tensor.values_ = values.detach()
        return tensor

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return _run(None, function, args, kwargs or {})


class Device(TorchDispatchMode):
    """While it is entered, ``device='cuda'`` works, and what goes wrong is noted.

    Attributes:
        waits: What the host waited for, with its place in the package.
        mixed: Operations on tensors of the CPU and of the device.
    """

    def __init__(self, package):
        super().__init__()
        self.package = package
        self.waits, self.mixed = Counter(), Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return _run(self, function, args, kwargs or {})

    def place(self):
        """The innermost line of the package on the stack; None without one."""
        frame = sys._getframe()
        while frame and not frame.f_code.co_filename.startswith(self.package):
            frame = frame.f_back
        return frame and f'{Path(frame.f_code.co_filename).name}:{frame.f_lineno}'


def _run(device, function, args, kwargs):
    """Runs an operation on the values; what it gives is where its inputs, or ``device``, are."""
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    there = [tensor for tensor in tensors if isinstance(tensor, OnDevice)]
    here = [tensor for tensor in tensors if not isinstance(tensor, OnDevice)]
    target = kwargs.get('device')
    to_device = bool(there) if target is None else torch.device(target).type == 'cuda'
    if device is not None:
        _note(device, function, args, kwargs, there, here, to_device)
    if target is not None:
        kwargs = {**kwargs, 'device': torch.device('cpu')}
    kwargs.pop('pin_memory', None)
    known = {id(tensor.values_): tensor for tensor in there}
    plain = tree_map(lambda x: x.values_ if isinstance(x, OnDevice) else x, (args, kwargs))
    out = function(*plain[0], **plain[1])
    if not to_device:
        return out

    def placed(value):
        if not isinstance(value, torch.Tensor) or isinstance(value, OnDevice):
            return value
        if id(value) in known:  # in place
            return known[id(value)]
        # A copy to the device is one, also where torch returns its input.
        return OnDevice(value.clone() if any(value is tensor for tensor in here) else value)

    return tree_map(placed, out)


def _note(device, function, args, kwargs, there, here, to_device):
    place = device.place()
    copies = function in (aten._to_copy.default, aten.copy_.default)
    if function is aten._local_scalar_dense.default and there:
        what = 'value'
    elif function in _OF_UNKNOWN_LENGTH and there:
        what = str(function)
    elif function in _INDEXING and isinstance(args[0], OnDevice):
        marks = [i for i in args[1] if i is not None and i.dtype == torch.bool]
        on_host = [i for i in args[1] if i is not None and not isinstance(i, OnDevice)]
        what = 'mask as index' if marks else 'index of the host' if on_host else None
    elif function is aten._to_copy.default and bool(there) != to_device:
        blocking = not kwargs.get('non_blocking', False)
        what = 'copy' if blocking and (there or here) else None
    elif function is aten.copy_.default and there and here:
        what = 'copy' if not (len(args) > 2 and args[2]) else None
    else:
        what = None
        if there and not copies and any(tensor.dim() for tensor in here):
            device.mixed[f'{function} at {place}'] += 1
    if what and place:
        device.waits[f'{what} at {place}'] += 1
