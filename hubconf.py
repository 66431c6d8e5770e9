"""Entry points of ``torch.hub``: the networks, and the backbones of the model zoo.

    network = torch.hub.load(REPOSITORY, 'mvcgc_s3d', source='local', stream='rgb')

They need torch, PyYAML, and to download what is not on the machine, filelock and tqdm; not
OpenMMLab. ``ssvrl_mm.zoo.list_models()`` gives the names of the models with weights.
"""

from collections.abc import Callable as _Callable
from typing import Any as _Any

dependencies = ['torch', 'yaml']


def _architecture(settings: dict[str, _Any], about: str) -> _Callable[..., _Any]:
    def make(pretrained: bool = False, **arguments: _Any) -> _Any:
        from ssvrl_mm.models import backbones as _backbones  # noqa: F401 - registers them
        from ssvrl_mm.models.utils.registered import build_registered

        if pretrained:
            raise ValueError(
                'a bare network has no weights; ssvrl_mm.zoo.list_models() names those that have'
            )
        return build_registered({**settings, **arguments}, settings['type'])

    make.__doc__ = (
        f'{about}, with new weights: clips (N, C, T, H, W) to a map of features.\n\n'
        f'Built by {settings["type"]} of ssvrl_mm.models.backbones, whose arguments it takes.'
    )
    return make


def _zoo_model(name: str, recipe: bool) -> _Callable[..., _Any]:
    def load(pretrained: bool = True, stream: str | None = None) -> _Any:
        from ssvrl_mm.zoo import load_backbone

        return load_backbone(name, stream, pretrained)

    kind = 'a recipe, which has no weights' if recipe else 'with the weights of the zoo'
    load.__doc__ = (
        f'The backbone of {name}, {kind}.\n\n'
        'Args:\n'
        '    pretrained: Whether with the published weights.\n'
        "    stream: 'rgb' or 'motion' for instance; None: the only one, or RGB's."
    )
    return load


def _entries() -> dict[str, _Callable[..., _Any]]:
    from ssvrl_mm.zoo import list_models

    resnets = {'r3d': 'R3D', 'r2plus1d': 'R(2+1)D'}
    networks: dict[str, tuple[str, dict[str, _Any]]] = {
        's3d': ('S3D', dict(type='S3D')),
        's3dg': ('S3D-G', dict(type='S3D', gating=True)),
        'i3d': ('I3D', dict(type='S3D', separable=False)),
        'c3d': ('C3D', dict(type='C3D')),
        **{
            f'{arch}{depth}': (
                f'{about} of {depth} layers',
                dict(type='VideoResNet', arch=arch, depth=depth),
            )
            for arch, about in resnets.items()
            for depth in (10, 18, 26, 34, 50)
        },
        **{
            f'imrnet{depth}': (f'IMRNet of {depth} layers', dict(type='IMRNet', depth=depth))
            for depth in (18, 50)
        },
    }
    found = {name: _architecture(how, about) for name, (about, how) in networks.items()}
    # A model of the zoo that is called like a network is meant before the network.
    found.update((name, _zoo_model(name, True)) for name in list_models(recipes=True))
    found.update((name, _zoo_model(name, False)) for name in list_models())
    return found


globals().update(_entries())
