"""The interface of a fusion module, and the registry.

Convention:
    A module gets feature maps. Line art and reference may differ in size; a map's positions in reading order are its
    *tokens*. What a reference gives is computed once (``encode``), and serves any number of drawings (``fuse``).

    Each use that a module makes of an input goes through a ``Branch`` of its own: the gradient splits there, and
    ``nurie.lab.analysis`` reads the parts without a second forward.

Shapes:
    B batch, C channels, H x W a map's size, N = H W line art tokens, M reference tokens, K channels of a key, V of a
    value.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from nurie.errors import ConfigError


class Branch(nn.Identity):
    """One use of a tensor: gives what it gets, and marks a place where the tensor's gradient splits.

    A module that reads ``x`` twice names both uses; its gradient is then known in two parts:

        >>> import torch
        >>> class Gated(nn.Module):
        ...     def __init__(self) -> None:
        ...         super().__init__()
        ...         self.value, self.gate = Branch("x"), Branch("x")
        ...     def forward(self, x):
        ...         return self.value(x) * torch.sigmoid(self.gate(x))

    Args:
        of: name of the tensor. Branches of one tensor in one module belong together: their gradients add up.
        dim: the tensor's channel axis; -1 for tokens, B x N x C, and 1 for maps, B x C x H x W.
    """

    def __init__(self, of: str, *, dim: int = -1) -> None:
        """Keep the name."""
        super().__init__()
        self.of, self.dim = of, dim

    def forward(self, x: Tensor) -> Tensor:
        """The same values, as a node of their own in the graph.

        In every training, watched or not: the order in which gradients are summed, and so their last bits, stays the
        same when ``nurie.lab.analysis`` looks.
        """
        return x.view_as(x) if torch.is_grad_enabled() and x.requires_grad else x


class ReferenceFeatures:
    """What a module may ask of a reference picture; each is computed when asked for, and once.

    Args:
        colors: makes ``colors``.
        lines: makes ``lines``.
    """

    def __init__(self, colors: Callable[[], Tensor], lines: Callable[[], Tensor]) -> None:
        """Keep the ways to make them."""
        self._colors, self._lines = colors, lines

    @cached_property
    def colors(self) -> Tensor:
        """B x C x H x W, the reference encoder's view of the picture."""
        return self._colors()

    @cached_property
    def lines(self) -> Tensor:
        """B x C x H x W, the line art encoder's view of the picture's own line art."""
        return self._lines()


class ReferenceTokens(NamedTuple):
    """What a module needs of a reference, computed once for a whole folder of drawings.

    Those of several references are joined along the token axis.

    Attributes:
        keys: B x M x K.
        values: B x M x V.
    """

    keys: Tensor
    values: Tensor


@dataclass(frozen=True, kw_only=True)
class FusionOutput:
    """What a fusion module gives."""

    fused: Tensor
    """B x C x H x W, the line art's size."""
    attention: Tensor | None = None
    """The map the colours went through, B x N x M, or None where the module has none."""
    alignment: Tensor | None = None
    """The same map with gradient, for modules whose map has a loss of its own; else None."""


def to_tokens(map_BCHW: Tensor) -> Tensor:
    """A map's positions in reading order, B x HW x C."""
    return map_BCHW.flatten(2).transpose(1, 2)


def to_map(tokens_BNC: Tensor, like_BCHW: Tensor) -> Tensor:
    """Tokens back as a map of another map's height and width, B x C x H x W."""
    batch, _, channels = tokens_BNC.shape
    # Not unflatten: with that the older ONNX exporter takes the traced size for the only one.
    return tokens_BNC.transpose(1, 2).reshape(batch, channels, like_BCHW.shape[-2], like_BCHW.shape[-1])


class Fusion(nn.Module, ABC):
    """A fusion module: ``forward(x, y)`` is ``fuse(x, encode(y))``.

    A new one is a file: a subclass, registered by name, imported in the package's ``__init__``.
    """

    has_map: ClassVar[bool] = True
    """False for a module that matches nothing: its ``attention`` is None."""
    has_alignment: ClassVar[bool] = False
    """True for a module whose map takes a loss of its own: its ``alignment`` is not None."""
    takes_prior: ClassVar[bool] = False
    """True for a module whose map takes a hint which tokens are meant: it has ``fuse_with_prior``."""
    bare_shortcut: ClassVar[bool] = False
    """True where X also goes around all branches, so that their gradients are not the whole one."""

    @abstractmethod
    def encode(self, reference: ReferenceFeatures) -> ReferenceTokens:
        """What can be computed from the reference alone."""

    @abstractmethod
    def fuse(self, x_BCHW: Tensor, tokens: ReferenceTokens) -> FusionOutput:
        """Join line art features with a reference's tokens."""

    def fuse_with_prior(self, x_BCHW: Tensor, tokens: ReferenceTokens, prior_BNM: Tensor) -> FusionOutput:
        """``fuse`` with a hint; of modules that declare ``takes_prior``.

        Args:
            x_BCHW: line art features.
            tokens: of the reference.
            prior_BNM: how likely it is, of any token, that it is meant: what a cosine would say.
        """
        raise NotImplementedError(f"{type(self).__name__} takes no prior, and declares none")

    def own_losses(self, x_BCHW: Tensor, target: ReferenceFeatures) -> dict[str, Tensor]:
        """Losses that the module brings, by name and with their weights; most have none.

        Args:
            x_BCHW: line art features.
            target: features of the picture that the line art should become, pixel-aligned with it.
        """
        return {}

    def forward(self, x_BCHW: Tensor, y_BCHW: Tensor, y_lines_BCHW: Tensor | None = None) -> FusionOutput:
        """Both halves in one.

        Args:
            x_BCHW: line art features.
            y_BCHW: reference features; their size may differ.
            y_lines_BCHW: features of the reference's own line art, for modules that ask for them.
        """

        def lines() -> Tensor:
            if y_lines_BCHW is None:
                raise ValueError(f"{type(self).__name__} asks for the reference's line art: give y_lines_BCHW.")
            return y_lines_BCHW

        return self.fuse(x_BCHW, self.encode(ReferenceFeatures(lambda: y_BCHW, lines)))


FusionClass = TypeVar("FusionClass", bound=type[Fusion])


class FusionRegistry:
    """Fusion modules by name."""

    def __init__(self) -> None:
        """Start with none."""
        self._classes: dict[str, type[Fusion]] = {}

    def register(self, name: str) -> Callable[[FusionClass], FusionClass]:
        """Decorator that adds a class; a name that is taken is an error and changes nothing."""

        def add(cls: FusionClass) -> FusionClass:
            if name in self._classes:
                raise ConfigError(f"A fusion module {name!r} is registered already: {self._classes[name].__name__}.")
            self._classes[name] = cls
            return cls

        return add

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in alphabetical order."""
        return tuple(sorted(self._classes))

    @property
    def aligned(self) -> tuple[str, ...]:
        """Names of the modules whose map takes a loss of its own."""
        return tuple(name for name in self.names if self._classes[name].has_alignment)

    @property
    def taking_prior(self) -> tuple[str, ...]:
        """Names of the modules whose map takes a hint which tokens are meant."""
        return tuple(name for name in self.names if self._classes[name].takes_prior)

    def build(self, name: str, channels: int, **settings: Any) -> Fusion:
        """Make a module.

        Args:
            name: one of ``names``.
            channels: C, of the tokens.
            **settings: the module's own keywords.

        Raises:
            ConfigError: no such module, or a setting that it does not have.
        """
        if name not in self._classes:
            raise ConfigError(f"No fusion module {name!r}; there are: {', '.join(self.names)}.")
        cls = self._classes[name]
        known = [p for p in inspect.signature(cls.__init__).parameters if p not in ("self", "channels")]
        unknown = sorted(set(settings) - set(known))
        if unknown:
            raise ConfigError(f"{name} has no setting {', '.join(unknown)}; it has: {', '.join(known) or 'none'}.")
        return cls(channels, **settings)


FUSIONS = FusionRegistry()
