"""Nurie colours line art from reference pictures."""

import importlib
from typing import TYPE_CHECKING, Any

from nurie.errors import (
    ConfigError,
    DataError,
    InputError,
    ModelError,
    NurieError,
    OutputError,
    OutsideError,
    TrainingError,
)

if TYPE_CHECKING:
    from nurie.colorization import Colorization
    from nurie.colorizer import Colorizer
    from nurie.references import References

__version__ = "0.2.0.dev0"

__all__ = [
    "Colorization",
    "Colorizer",
    "ConfigError",
    "DataError",
    "InputError",
    "ModelError",
    "NurieError",
    "OutputError",
    "OutsideError",
    "References",
    "TrainingError",
]


# Pictures need NumPy and OpenCV: loaded when first asked for, so that `nurie --version` answers at once.
_LAZY = {"Colorization": "nurie.colorization", "Colorizer": "nurie.colorizer", "References": "nurie.references"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
