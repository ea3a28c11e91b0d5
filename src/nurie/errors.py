"""The exception tree.

Every error that Nurie raises on purpose says what it received, what it expected and what to do. The command line prints
the message and ends with status 2; a program can catch one branch of the tree::

    NurieError
    ├── InputError      a picture, a path or an argument that cannot be read or used
    │   └── OutsideError    a pixel or a number that there is not; an IndexError, too
    ├── OutputError     a file that cannot be written, or that exists already
    ├── ModelError      a model folder that is missing, damaged, or of another kind
    ├── ConfigError     an unknown key or an impossible value in a recipe or a setting
    ├── DataError       a corpus or a training folder that cannot be trained on
    └── TrainingError   a training that cannot go on, for example a loss that is not finite
"""

__all__ = [
    "ConfigError",
    "DataError",
    "InputError",
    "ModelError",
    "NurieError",
    "OutputError",
    "OutsideError",
    "TrainingError",
]


class NurieError(Exception):
    """Anything that Nurie raises on purpose; its message is fit to be shown to the user."""


class InputError(NurieError):
    """A picture, a path or an argument that cannot be read or used."""


class OutsideError(InputError, IndexError):
    """A pixel outside a picture, or the number of a flat that there is not."""


class OutputError(NurieError):
    """A file that cannot be written, or that exists already."""


class ModelError(NurieError):
    """A model folder that is missing, damaged, or of another kind."""


class ConfigError(NurieError):
    """An unknown key or an impossible value in a recipe or a setting."""


class DataError(NurieError):
    """A corpus or a training folder that cannot be trained on."""


class TrainingError(NurieError):
    """A training that cannot go on, for example because a loss is not finite."""
