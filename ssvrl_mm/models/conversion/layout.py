"""How the weights of another library are described, so that they can be converted both ways."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

#: From each of our names of one module to the name that the other library has for it: one to one,
#: and a ValueError for a name that the module does not have.
Names = Callable[[Mapping[str, Tensor]], dict[str, str]]


@dataclass(frozen=True)
class Part:
    """One of our modules, and where its weights are in a file of another library.

    Args:
        module: Config that builds ours. All that the weights depend on but do not show is written
            out, such as ``norm_eps``.
        names: Our names of the module's weights -> theirs, both without a prefix.
        ours: What our names start with. ``{stream}`` stands for the name of the stream,
            ``{_stream}`` for the same behind an underscore, and for nothing where there is none.
        theirs: What their names start with.
        sizes: Argument of ``module`` -> (one of our names, axis): the sizes that are read off the
            weights.
        pointwise: Whether theirs are convolutions of 1x1x1 where ours are linear layers.
        twins: Starts of their names (without ``theirs``) -> the start under which the file holds
            the same weights once more.
    """

    module: Mapping[str, Any]
    names: Names
    ours: str = 'backbone{_stream}.'
    theirs: str = ''
    sizes: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    pointwise: bool = False
    twins: Mapping[str, str] = field(default_factory=dict)

    def our_prefix(self, stream: str | None) -> str:
        """What our names start with in a checkpoint of a stream, or of one network alone."""
        return self.ours.format(stream=stream or '', _stream=f'_{stream}' if stream else '')

    @property
    def is_momentum_copy(self) -> bool:
        """Whether ours is the module of a :class:`~ssvrl_mm.models.utils.MomentumEncoder`."""
        return self.ours.endswith('.module.')

    def step_name(self, stream: str | None) -> str:
        """What ours calls the steps that a momentum copy has taken."""
        return f'{self.our_prefix(stream).removesuffix("module.")}step'


@dataclass(frozen=True)
class Layout:
    """The files of one network of another library.

    Args:
        library: Name of the library.
        network: Name of its network.
        backbone: The network itself; a file has to hold all of it.
        further: Heads and copies, each of which a file holds as a whole or not at all.
        left_out: Starts of their names that have no counterpart here -> what that is and why.
        objections: From their config of the backbone, or None where nobody knows it, to what
            keeps its features from being ours, in words: for a library whose configs leave a
            choice that the weights do not show.
        config: Their config of the backbone, where they have one.
        input: What the network was trained on: ``mean`` and ``std`` on the scale of 0 to 255,
            ``clip_len`` in frames, ``size`` in px, ``frame_rate`` in frames per second.
        stream: The stream that the file's network is of, where nobody says otherwise; None for a
            network that stands alone.
        bare: Whether the library saves a state dict without anything around it.
        note: What else a user has to know.
    """

    library: str
    network: str
    backbone: Part
    further: tuple[Part, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    objections: Callable[[Mapping[str, Any] | None], list[str]] = lambda config: []
    config: Mapping[str, Any] = field(default_factory=dict)
    input: Mapping[str, Any] = field(default_factory=dict)
    stream: str | None = None
    bare: bool = False
    note: str = ''

    @property
    def name(self) -> str:
        """``library:network``."""
        return f'{self.library}:{self.network}'

    @property
    def parts(self) -> tuple[Part, ...]:
        """The backbone and what a file may hold besides."""
        return (self.backbone, *self.further)
