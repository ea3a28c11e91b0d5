"""Where a model is: the one that ships with Nurie, a folder, or the Hugging Face hub."""

import os
import re
from importlib import resources
from pathlib import Path

from nurie.errors import ModelError
from nurie.model.engine import CARD, FILES, GRAPHS

__all__ = ["model_folder"]

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")


def model_folder(model: str | os.PathLike[str] | None, cache_dir: str | os.PathLike[str] | None) -> Path:
    """Return the folder of a model, downloaded if it has to be; whether a model is in it is not looked at.

    Args:
        model: None for the weights that ship with Nurie, a folder, or "owner/name" or "owner/name@revision" on the hub.
        cache_dir: where hub models are kept; None for the hub's own place.

    Raises:
        ModelError: the hub does not give it.
    """
    if model is None:
        return Path(str(resources.files("nurie"))) / "weights"
    if not isinstance(model, (str, os.PathLike)):
        raise ModelError(f"a model is a folder or a hub id (owner/name), as text; got {model!r}.")
    if not Path(model).exists() and isinstance(model, str) and _HUB_ID.fullmatch(model):
        return _from_hub(model, cache_dir)
    return Path(model)


def _from_hub(name: str, cache_dir: str | os.PathLike[str] | None) -> Path:
    """Return the cached model's folder; only a model that is not there whole is asked for on the network."""
    import huggingface_hub

    repository, _, revision = name.partition("@")

    def snapshot(local_files_only: bool) -> Path:
        return Path(
            huggingface_hub.snapshot_download(
                repository,
                revision=revision or None,
                cache_dir=Path(cache_dir) if cache_dir is not None else None,
                allow_patterns=list(FILES),
                local_files_only=local_files_only,
            )
        )

    try:
        cached = snapshot(local_files_only=True)
        if all((cached / file).is_file() for file in (CARD, *GRAPHS)):
            return cached
    # The hub's client has many ways to say "not in the cache"; whatever it was, downloading will show.
    except Exception:
        pass
    try:
        return snapshot(local_files_only=False)
    except Exception as error:
        raise ModelError(
            f"{name} is no folder here, and the hub did not give it ({type(error).__name__}: {error}). "
            "Check the name and the connection, or give a model folder."
        ) from error
