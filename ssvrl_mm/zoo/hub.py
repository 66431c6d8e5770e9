"""Backbones on the Hugging Face Hub, and in folders of its form; needs the extra ``hub``."""

import inspect
import json
import os
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ssvrl_mm.models.utils.features import pool_features
from ssvrl_mm.models.utils.registered import (
    NetworkConfigError,
    build_registered,
    registered_network,
)
from ssvrl_mm.zoo.backbones import BackboneFile, read_backbone
from ssvrl_mm.zoo.extras import require_extra
from ssvrl_mm.zoo.fetching import fetch_weights
from ssvrl_mm.zoo.index import ZooModel

require_extra('safetensors', 'hub', 'the Hugging Face Hub')
_hub: Any = require_extra('huggingface_hub', 'hub', 'the Hugging Face Hub')

# What `save_pretrained` writes beside the weights, to be read on the Hub.
_CARD = """---
{{ card_data }}
---

A backbone that learnt from compressed video without labels, by ssvrl_mm. `config.json` says which
network it is, the stream that it takes and what clips are normalised by.

```python
from ssvrl_mm.zoo.hub import HubBackbone

network = HubBackbone.from_pretrained('THIS FOLDER, OR THE ID OF THE REPOSITORY')
features = network.features(clips)  # (N, C, T, H, W) -> (N, D)
```
"""


class HubBackbone(  # type: ignore[call-arg]
    nn.Module,
    _hub.PyTorchModelHubMixin,
    library_name='ssvrl_mm',
    license='apache-2.0',
    tags=['video', 'self-supervised-learning'],
    model_card_template=_CARD,
):
    """A backbone that ``huggingface_hub`` saves and loads: ``config.json``, ``model.safetensors``.

    ``from_pretrained`` takes a local folder or the id of a repository, ``save_pretrained`` a
    folder, ``push_to_hub`` an id. Torch is all that it needs besides the extra.

    Args:
        backbone: Config of the network: ``type``, the name of one of ours, and the arguments of
            its class.
        stream: What its clips are, ``'rgb'`` or ``'motion'`` for instance; for whoever reads it.
        preprocessing: Config of the data preprocessor that clips were normalised by; likewise.

    Raises:
        NetworkConfigError: The config names no registered network, or arguments that it does not
            take.

    Attributes:
        network: The backbone.

    Example:
        >>> network = HubBackbone.from_zoo('mvcgc_s3d', stream='rgb')
        >>> network.save_pretrained('mvcgc_s3d_rgb')
        >>> network = HubBackbone.from_pretrained('mvcgc_s3d_rgb')
        >>> network.features(torch.rand(2, 3, 16, 112, 112)).shape
        torch.Size([2, 512])
    """

    def __init__(
        self,
        backbone: Mapping[str, Any],
        stream: str | None = None,
        preprocessing: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.network = build_registered(backbone, 'backbone')
        self.stream = stream
        self.preprocessing = dict(preprocessing or {})

    @classmethod
    def from_zoo(cls, model: str | ZooModel, stream: str | None = None) -> 'HubBackbone':
        """A backbone of the zoo with its weights, in evaluation mode.

        Args:
            model: See :func:`~ssvrl_mm.zoo.load_backbone`, which tells the errors too.
            stream: Likewise.
        """
        return cls.from_file(read_backbone(fetch_weights(model), stream))

    @classmethod
    def from_file(cls, file: BackboneFile) -> 'HubBackbone':
        """A backbone that :func:`~ssvrl_mm.zoo.backbones.read_backbone` has read."""
        # The config that is saved says all, whatever the defaults will be one day.
        wrapped = cls(written_out(file.settings), file.stream, file.preprocessing)
        wrapped.network = file.build()
        return wrapped.eval()

    def forward(self, clips: Any) -> Any:
        """The maps of clips: what the backbone takes, and what it gives."""
        return self.network(clips)

    def features(self, clips: Any) -> Tensor:
        """The features (N, D) of clips: the last maps, averaged over time and space."""
        return pool_features(self(clips))

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike, **kwargs: Any
    ) -> 'HubBackbone':
        """A backbone from a folder or a repository, in evaluation mode.

        Args:
            pretrained_model_name_or_path: A local folder, or the id of a repository.
            **kwargs: ``revision``, ``token``, ``cache_dir`` and others of ``huggingface_hub``.

        Raises:
            FileNotFoundError: There is no such folder and no such repository, or it lacks a file.
            NetworkConfigError: ``config.json`` is none of ours, or names no registered network.
        """
        source = os.fspath(pretrained_model_name_or_path)
        if os.path.isdir(source):
            for name in ('config.json', 'model.safetensors'):
                if not os.path.isfile(os.path.join(source, name)):
                    raise FileNotFoundError(
                        f'{source}: has no {name}, which save_pretrained writes'
                    )
        try:
            return super().from_pretrained(source, **kwargs)
        except NetworkConfigError as error:
            raise NetworkConfigError(f'{source}/config.json: {error}') from error
        except json.JSONDecodeError as error:
            raise NetworkConfigError(f'{source}/config.json: cannot be read ({error})') from error
        except (_hub.errors.HFValidationError, _hub.errors.EntryNotFoundError,
                _hub.errors.RepositoryNotFoundError, _hub.errors.OfflineModeIsEnabled,
                ) as error:  # fmt: skip
            raise FileNotFoundError(
                f'{source}: neither a folder nor a repository of the Hub that can be had ({error})'
            ) from error

    def _save_pretrained(self, save_directory: Any) -> None:
        """Writes the weights; safetensors needs numpy for that alone, and does not say so."""
        require_extra('numpy', 'hub', 'saving a backbone as safetensors')
        super()._save_pretrained(save_directory)

    @classmethod
    def _from_pretrained(cls, *, strict: bool = True, **kwargs: Any) -> 'HubBackbone':
        """Loads every weight or raises; by default the mixin lets weights be missing."""
        if 'backbone' not in kwargs:
            raise NetworkConfigError(
                'has no backbone, the config of the network that save_pretrained writes'
            )
        return super()._from_pretrained(strict=strict, **kwargs)


def written_out(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a network with the defaults of its class, but for initial weights."""
    network = registered_network(settings.get('type'))
    parameters = inspect.signature(network).parameters.values() if network else ()
    defaults = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    return {key: value for key, value in {**defaults, **settings}.items() if key != 'init_cfg'}
