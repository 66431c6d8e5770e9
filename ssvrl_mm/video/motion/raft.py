"""RAFT optical flow, for who has torchvision and its weights."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from ssvrl_mm.video.decoding.digest import file_digest


class RAFT:
    """Optical flow by RAFT (Teed and Deng, ECCV 2020), as torchvision implements it.

    A method for :func:`~ssvrl_mm.video.motion.flow.estimate_motion` and for the reader's option
    ``flow_method``. torch and torchvision are imported on first use; nothing is downloaded.

    Args:
        weights: file of the model's state dict, such as torchvision's
            ``raft_small_C_T_V2-01064c6d.pth``.
        size: 'small' or 'large', the model that the weights are for.
        device: where to compute.
        num_updates: iterations of the refinement.

    Raises:
        ImportError: on first use, without torchvision.

    Example::

        raft = RAFT('raft_small_C_T_V2-01064c6d.pth', device='cuda')
        motion = estimate_motion(previous, frame, raft, scale=1)
    """

    def __init__(
        self,
        weights: str | os.PathLike,
        size: Literal['small', 'large'] = 'small',
        device: str = 'cpu',
        num_updates: int = 12,
    ) -> None:
        if size not in ('small', 'large'):
            raise ValueError(f"size must be 'small' or 'large', got {size!r}")
        self._weights = os.fspath(weights)
        self._size = size
        self._device = device
        self._num_updates = num_updates
        self._model: Any = None

    def __call__(self, image: np.ndarray, other: np.ndarray) -> np.ndarray:
        """The flow from one image to another.

        Args:
            image: uint8 RGB ``(h, w, 3)``.
            other: the same.

        Returns:
            float32 ``(h, w, 2)`` px.
        """
        import torch

        model = self._load()
        height, width = image.shape[:2]
        # RAFT looks for matches on an eighth of the size, in a pyramid that halves it three times.
        bottom, right = (max(-(-side // 8) * 8, 128) - side for side in (height, width))
        pad = ((0, bottom), (0, right), (0, 0))
        pair = np.stack([np.pad(i, pad, 'edge') for i in (image, other)])
        batch = torch.from_numpy(pair).to(self._device).permute(0, 3, 1, 2) / 127.5 - 1
        with torch.inference_mode():
            flow = model(batch[:1], batch[1:], num_flow_updates=self._num_updates)[-1]
        return flow[0].permute(1, 2, 0)[:height, :width].float().cpu().numpy()

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self._weights!r}, {self._size!r})'

    def describe(self) -> dict[str, str | int]:
        """What its flow depends on, for files of flow.

        Raises:
            OSError: the weights cannot be read.
        """
        return {
            'method': 'raft',
            'size': self._size,
            'num_updates': self._num_updates,
            'weights_sha256': file_digest(self._weights),
        }

    @contextmanager
    def one_thread(self) -> Iterator[None]:
        """Has torch compute in one thread, so that results do not depend on their number."""
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_model': None}

    def _load(self) -> Any:
        if self._model is None:
            try:
                from torchvision.models import optical_flow
            except ImportError as error:
                raise ImportError(
                    "RAFT needs torchvision: install it, or use method='dis' or 'farneback'"
                ) from error
            import torch

            build = {'small': optical_flow.raft_small, 'large': optical_flow.raft_large}
            model = build[self._size](weights=None)
            model.load_state_dict(torch.load(self._weights, map_location='cpu', weights_only=True))
            self._model = model.to(self._device).eval()
        return self._model
