"""How the model of several processes is wrapped: what a config leaves open, and what cannot be."""

from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import MODEL_WRAPPERS
from torch.nn.parallel import DistributedDataParallel


def settle_wrapper(cfg: Config) -> None:
    """Writes ``model_wrapper_cfg``: what mmengine sets where there is none, and what the user says.

    mmengine itself takes a wrapper of the user's as it is, with torch's defaults: buffers, the
    queue among them, would travel in every step, and ``find_unused_parameters`` be lost.
    Wrappers of another kind than ``DistributedDataParallel`` stay as they are.

    Args:
        cfg: Config of a run, changed in place.
    """
    wrapper = {'type': 'MMDistributedDataParallel', **(cfg.get('model_wrapper_cfg') or {})}
    kind = MODEL_WRAPPERS.get(wrapper['type'])
    if not issubclass(kind, DistributedDataParallel):
        return
    defaults = {
        'broadcast_buffers': False,
        'find_unused_parameters': cfg.get('find_unused_parameters', False),
    }
    # mmengine adds the CUDA device of the process.
    device = {} if torch.cuda.is_available() else {'device_ids': None}
    cfg.model_wrapper_cfg = {**defaults, **wrapper, **device}


def why_not_static(cfg: Config) -> str | None:
    """Why a wrapper's ``static_graph`` cannot be: a message, or None.

    torch then notes in the first step which weights get a gradient and waits for the same ones in
    every other step.

    Args:
        cfg: Config of a run, after :func:`settle_wrapper`.
    """
    wrapper = cfg.get('model_wrapper_cfg') or {}
    if not wrapper.get('static_graph'):
        return None
    if _has_resting_streams(cfg.get('model') or {}):
        why = 'stages of this model train one stream while another rests'
    elif wrapper.get('find_unused_parameters'):
        why = 'find_unused_parameters=True says that some weights get none in some steps'
    else:
        return None
    return (
        'model_wrapper_cfg has static_graph=True, with which the same weights get a gradient in '
        f'every step, but {why}: leave static_graph out'
    )


def _has_resting_streams(model: Any) -> bool:
    """Whether the head has a say in which streams a stage trains."""
    from ssvrl_mm.models.heads import ContrastiveHead
    from ssvrl_mm.registry import MODELS

    kind = MODELS.get(str((model.get('head') or model.get('cls_head') or {}).get('type')))
    return (
        isinstance(kind, type)
        and issubclass(kind, ContrastiveHead)
        and kind.trained_streams is not ContrastiveHead.trained_streams
    )
