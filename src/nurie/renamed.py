"""Public names that have changed: the old ones work for one version, with a warning."""

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["renamed_argument", "renamed_method", "renamed_property"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _warn(old: str, new: str) -> None:
    warnings.warn(f"{old} is called {new} now; the old name goes with the next version.", DeprecationWarning, 3)


def renamed_method(old: str, new: str) -> Callable[..., Any]:
    """Return a method that does what the one called `new` does."""

    def method(self: object, *arguments: Any, **options: Any) -> Any:
        _warn(old, new)
        return getattr(self, new)(*arguments, **options)

    method.__name__, method.__doc__ = old, f"Old name of `{new}`."
    return method


def renamed_property(old: str, new: str) -> property:
    """Return a property that has the value of the one called `new`."""

    def value(self: object) -> Any:
        _warn(old, new)
        return getattr(self, new)

    return property(value, doc=f"Old name of `{new}`.")


def renamed_argument(old: str, new: str) -> Callable[[_Function], _Function]:
    """Let a function take the argument `new` under its old name, too."""

    def decorate(function: _Function) -> _Function:
        @functools.wraps(function)
        def wrapped(*arguments: Any, **options: Any) -> Any:
            if old in options:
                _warn(old, new)
                options[new] = options.pop(old)
            return function(*arguments, **options)

        return wrapped  # type: ignore[return-value]

    return decorate
