"""What the site's API reference needs to know of this house; mkdocs.yml names this file.

The docstrings say "Example:", which doctest and readers understand; the reference knows only "Examples:" as a section
of code. Two colons before an indented block are one on the page. What a package takes from its own files is shown with
the file alone, not twice.
"""

import re
from typing import Any

import griffe

__all__ = ["HouseStyle"]


class HouseStyle(griffe.Extension):
    """Reads modules and docstrings in the style of the house."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Put the docstring into the form that is known."""
        if obj.docstring is not None:
            value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = re.sub(r"::$", ":", value, flags=re.MULTILINE)

    def on_module(self, *, mod: griffe.Module, **_: Any) -> None:
        """Leave out of a package what it only passes on."""
        if mod.is_init_module and mod.exports:
            mod.exports = [name for name in mod.exports if not mod.members[str(name)].is_alias]
