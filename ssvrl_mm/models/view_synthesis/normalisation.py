"""Whether clips and their views are normalised alike."""

from typing import Any

import torch
from torch import Tensor


def check_normalisation(preprocessor: Any, generator: Any) -> None:
    """Refuses a generator of views of which networks would see other values than of clips.

    Args:
        preprocessor: The data preprocessor, an :class:`~ssvrl_mm.models.SSLDataPreprocessor`. What
            one does not say (``mean``, ``std``, ``remove_still``) is not compared.
        generator: The generator, a :class:`ViewAutoencoder`; likewise.

    Raises:
        ValueError: They differ in ``mean``, ``std`` or ``remove_still``.
    """
    for name in ('mean', 'std'):
        given, wanted = getattr(preprocessor, name, None), getattr(generator, name, None)
        if not isinstance(given, Tensor) or not isinstance(wanted, Tensor):
            continue
        if given.is_meta or wanted.is_meta:  # shapes alone
            continue
        if not torch.allclose(given.flatten(), wanted.flatten().to(given)):
            raise ValueError(
                f'{name} of data_preprocessor.rgb is {(given * 255).flatten().tolist()}, that '
                f'of view_generator {(wanted * 255).flatten().tolist()}: they must be the same'
            )
    given, wanted = (getattr(part, 'remove_still', None) for part in (preprocessor, generator))
    if given is not None and wanted is not None and given != wanted:
        raise ValueError(
            f'data_preprocessor.rgb has remove_still={given}, and view_generator {wanted}: they '
            'must be the same'
        )
