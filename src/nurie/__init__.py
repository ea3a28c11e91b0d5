"""Nurie colours line art from reference pictures."""

from typing import TYPE_CHECKING, Any

from nurie.errors import ConfigError, DataError, InputError, ModelError, NurieError, OutputError, TrainingError

if TYPE_CHECKING:
    from nurie.colorization import Colorization, References
    from nurie.colorizer import Colorizer

__version__ = "0.1.0"

__all__ = [
    "Colorization",
    "Colorizer",
    "ConfigError",
    "DataError",
    "InputError",
    "ModelError",
    "NurieError",
    "OutputError",
    "References",
    "TrainingError",
]


def __getattr__(name: str) -> Any:
    # Pictures need NumPy and OpenCV: loaded when first asked for, so that `nurie --version` answers at once.
    if name == "Colorizer":
        from nurie.colorizer import Colorizer

        return Colorizer
    if name in ("Colorization", "References"):
        from nurie import colorization

        return getattr(colorization, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
