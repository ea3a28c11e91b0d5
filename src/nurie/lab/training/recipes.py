"""Recipes: YAML files for Lightning's command line, each saying what differs from the one that it is based on.

Convention:
    `base: NAME` names another recipe, beside this one or among those that come with Nurie. What this one says is laid
    over it, key by key (`merged`). In every text `{recipe}` stands for the name of the recipe that is asked for, and so
    each training has a folder of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from nurie.errors import ConfigError

__all__ = ["find_recipe", "merged", "read_recipe"]

BASE = "base"
NAME = "{recipe}"


def find_recipe(name: str | Path) -> Path:
    """A recipe by path, or by name among those that come with Nurie.

    Raises:
        ConfigError: neither; the recipes that exist are listed.
    """
    shipped = Path(str(files("nurie.lab") / "recipes"))
    for path in (Path(name), shipped / name, shipped / f"{name}.yaml"):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in shipped.glob("*.yaml")))
    raise ConfigError(f"There is no recipe {str(name)!r}. Give a YAML file, or one of: {known}.")


def read_recipe(name: str | Path) -> dict[str, Any]:
    """All settings of a recipe, those of its base among them.

    Args:
        name: path or name, see ``find_recipe``.

    Raises:
        ConfigError: no such recipe or base, one that is based on itself, or a file that is no YAML of settings.
    """
    path = find_recipe(name)
    settings: dict[str, Any] = _named(_laid_over_base(path, ()), path.stem)
    return settings


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with a change laid over them, key by key as deep as it goes.

    Some settings take the place of the base's whole: an empty mapping, one with numbers for keys (``pairs.sizes``), and
    one that names a class (``class_path``).

    Args:
        base: stays as it is.
        change: likewise.

    Example:
        >>> merged({"data": {"sizes": {0: 64}, "root": "a"}}, {"data": {"sizes": {5: 32}}})
        {'data': {'sizes': {5: 32}, 'root': 'a'}}
    """
    result = dict(copy.deepcopy(base))
    for key, value in change.items():
        old = result.get(key)
        result[key] = merged(old, value) if _is_group(value) and isinstance(old, dict) else copy.deepcopy(value)
    return result


def _is_group(value: Any) -> bool:
    """Whether it is settings, some of which may be said."""
    return isinstance(value, dict) and bool(value) and set(map(type, value)) == {str} and "class_path" not in value


def _laid_over_base(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """The settings of a file over those of its base.

    Args:
        path: the file.
        above: those that are based on it.
    """
    if path.resolve() in above:
        raise ConfigError(f"The recipe {path} is based on itself: let its base, or that one's, be another.")
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} is no recipe: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} is no recipe: it should hold settings, as `data: {{root: corpus}}`.")
    base = content.pop(BASE, None)
    if base is None:
        return content
    if not isinstance(base, str):
        raise ConfigError(f"{path}: base is {base!r}; it should be the name or the path of another recipe.")
    beside = (path.parent / base, path.parent / f"{base}.yaml")
    found = next((file for file in beside if file.is_file()), None) or find_recipe(base)
    return merged(_laid_over_base(found, (*above, path.resolve())), content)


def _named(value: Any, name: str) -> Any:
    """Settings with the recipe's name in every text that asks for it."""
    if isinstance(value, dict):
        return {key: _named(item, name) for key, item in value.items()}
    if isinstance(value, list):
        return [_named(item, name) for item in value]
    return value.replace(NAME, name) if isinstance(value, str) else value
