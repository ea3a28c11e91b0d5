"""What the site's API reference needs to know of the docstrings here; mkdocs.yml names this file.

The docstrings say "Example:", which doctest and readers understand; the reference knows only "Examples:" as a section of
code. Two colons before an indented block are one on the page.
"""

import re
from typing import Any

import griffe

__all__ = ["HouseStyle"]


class HouseStyle(griffe.Extension):
    """Reads docstrings in the style of the house."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Put the docstring into the form that is known."""
        if obj.docstring is not None:
            value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = re.sub(r"::$", ":", value, flags=re.MULTILINE)
