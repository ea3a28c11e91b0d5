"""The interface of a fusion module, and the registry.

Shapes:
    B batch, N line art tokens, M reference tokens, C channels of a token, K channels of a key, V of a value.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from torch import Tensor, nn

from nurie.errors import ConfigError


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
    """What a fusion module gives.

    Attributes:
        fused: B x N x C.
        attention: the map the colours went through, B x N x M, or None where the module has none.
        alignment: the same map with gradient, for modules whose map has a loss of its own; else None.
    """

    fused: Tensor
    attention: Tensor | None = None
    alignment: Tensor | None = None


class Fusion(nn.Module, ABC):
    """A fusion module: ``forward(x, y)`` is ``fuse(x, encode(y))``."""

    @abstractmethod
    def encode(self, y_BMC: Tensor) -> ReferenceTokens:
        """What can be computed from the reference alone."""

    @abstractmethod
    def fuse(self, x_BNC: Tensor, tokens: ReferenceTokens) -> FusionOutput:
        """Join line art tokens with a reference's."""

    def forward(self, x_BNC: Tensor, y_BMC: Tensor) -> FusionOutput:
        """Both halves in one.

        Args:
            x_BNC: line art tokens.
            y_BMC: reference tokens; M may differ from N.
        """
        return self.fuse(x_BNC, self.encode(y_BMC))


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
