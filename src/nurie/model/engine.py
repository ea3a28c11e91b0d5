"""Runs a model folder: a reference becomes tokens, line art and tokens become colours. Knows nothing of pages.

A model folder holds::

    nurie.json       what the model is: {"format": "nurie-colorizer", "version": 1, "name", "size", "multiple",
                     "token_stride", "drawing_size", "sha256": {file: digest}, ...}
    encode.onnx      reference [1, 3, H, W] in [-1, 1]  ->  keys [1, M, K], values [1, M, C]; M = H W / token_stride^2
    colorize.onnx    line_art [1, 1, H, W], keys, values  ->  colors [1, 3, H, W] in [-1, 1], attention [1, N, M]
                     (without attention where the model matches nothing)
    README.md        the card
    LICENSE

Several references are their keys and values side by side along M.
"""

import hashlib
import json
import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nurie.errors import ConfigError, InputError, ModelError

__all__ = ["CARD", "FILES", "GRAPHS", "Engine", "ModelInfo", "Tokens"]

CARD = "nurie.json"
GRAPHS = ("encode.onnx", "colorize.onnx")
FILES = (CARD, *GRAPHS, "README.md", "LICENSE")
_FORMAT, _VERSION = "nurie-colorizer", 1
_INTERFACE = {
    "encode.onnx": (("reference",), ("keys", "values")),
    "colorize.onnx": (("line_art", "keys", "values"), ("colors",)),
}
_AGAIN = "Download or export the model again."


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What `nurie.json` says; `fields` has all of it."""

    name: str
    size: int
    """Side of the square that the network was trained on; references are brought to about this area."""
    multiple: int
    """Heights and widths the network takes are multiples of this."""
    token_stride: int
    """Side in pixels of the square that one token stands for."""
    drawing_size: int
    """Side of the square whose area drawings are brought to; `size` where the card names none."""
    fields: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Tokens:
    """What the network keeps of the references.

    Shapes: B = 1, M tokens in all, K and C channels.
    """

    keys: np.ndarray
    """float32 1 x M x K: what a place is."""
    values: np.ndarray
    """float32 1 x M x C: what colours it gives."""
    grids: tuple[tuple[int, int], ...]
    """Height and width in tokens of each reference, in order; their areas sum to M."""

    @staticmethod
    def join(several: Iterable["Tokens"]) -> "Tokens":
        """Put the tokens of several references side by side, in order.

        Raises:
            InputError: nothing to join.
        """
        parts = list(several)
        if not parts:
            raise InputError("Tokens.join needs at least one Tokens; got none.")
        keys = np.concatenate([part.keys for part in parts], axis=1)
        values = np.concatenate([part.values for part in parts], axis=1)
        return Tokens(keys, values, tuple(grid for part in parts for grid in part.grids))

    def only(self, reference: int) -> "Tokens":
        """Return the tokens of one reference."""
        part = self.span(reference)
        return Tokens(self.keys[:, part], self.values[:, part], (self.grids[reference],))

    def span(self, reference: int) -> slice:
        """Return where along M the tokens of a reference lie.

        Raises:
            IndexError: there is no such reference.
        """
        if not 0 <= reference < len(self.grids):
            raise IndexError(f"reference {reference} of {len(self.grids)}")
        areas = [height * width for height, width in self.grids]
        return slice(sum(areas[:reference]), sum(areas[: reference + 1]))

    def locate(self, index: int) -> tuple[int, int, int]:
        """Return (reference, row, column) of the token at `index` along M.

        Raises:
            IndexError: there is no such token.
        """
        start = 0
        for reference, (height, width) in enumerate(self.grids):
            if start <= index < start + height * width:
                return (reference, *divmod(index - start, width))
            start += height * width
        raise IndexError(f"token {index} of {start}")


class Engine:
    """A model folder, checked at once and loaded when first used.

    Example:
        >>> engine = Engine("weights")                        # doctest: +SKIP
        >>> tokens = engine.encode(reference)                 # doctest: +SKIP
        >>> colors, _ = engine.colorize(line_art, tokens)     # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike[str], *, threads: int | None = None) -> None:
        """Check the folder.

        Args:
            folder: the model folder.
            threads: CPU threads of one run; None takes every core this process may use, and more are none the faster:
                they are not taken.

        Raises:
            ModelError: the folder or a file in it is missing, damaged or of another kind.
        """
        if threads is not None and (not isinstance(threads, int) or isinstance(threads, bool) or threads < 1):
            raise ConfigError(f"threads is a whole number of at least 1, or None for all; got {threads!r}.")
        self.folder = Path(folder)
        self.info = _read_info(self.folder)
        self._threads = min(threads or _cores(), _cores())
        self._sessions: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def has_attention(self) -> bool:
        """Whether the model matches line art with references, so that a colour has a source."""
        return "attention" in [node.name for node in self._session("colorize.onnx").get_outputs()]

    def encode(self, reference: np.ndarray) -> Tokens:
        """Turn one reference into tokens.

        Args:
            reference: float32 1 x 3 x H x W in [-1, 1]; H and W multiples of `info.multiple`.
        """
        self._check(reference, 3, "reference")
        keys, values = self._run("encode.onnx", ["keys", "values"], {"reference": reference})
        stride = self.info.token_stride
        grid = (reference.shape[2] // stride, reference.shape[3] // stride)
        if keys.shape[1] != grid[0] * grid[1] or values.shape[1] != keys.shape[1]:
            raise ModelError(
                f"{self.folder / 'encode.onnx'} gave {keys.shape[1]} keys and {values.shape[1]} values for a grid of "
                f"{grid[0]} x {grid[1]} tokens: token_stride {stride} in {CARD} does not fit the graph. {_AGAIN}"
            )
        return Tokens(keys, values, (grid,))

    def colorize(
        self, line_art: np.ndarray, tokens: Tokens, *, attention: bool = False
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Colour line art.

        Args:
            line_art: float32 1 x 1 x H x W, paper +1, ink -1; H and W multiples of `info.multiple`.
            tokens: of one or more references.
            attention: whether to compute the map too.

        Returns:
            The colours, float32 1 x 3 x H x W in [-1, 1], and the map or None: float32 1 x N x M, 0 or more (N: line
            art tokens in reading order, M: reference tokens). Its rows sum to 1; but with double normalisation, as of
            `sga`, its columns do (to 0 where no token looks) and its rows need not.

        Raises:
            ModelError: the map is asked for, and the model has none.
        """
        self._check(line_art, 1, "line_art")
        if attention and not self.has_attention:
            raise ModelError(
                f"{self.info.name} has no attention map (fusion: {self.info.fields.get('fusion', 'unknown')}), so no "
                "colour has a source; use a model whose fusion matches line art with the reference, such as sga."
            )
        wanted = ["colors", "attention"] if attention else ["colors"]
        feeds = {"line_art": line_art, "keys": tokens.keys, "values": tokens.values}
        colors, *maps = self._run("colorize.onnx", wanted, feeds)
        return colors, maps[0] if attention else None

    def _check(self, picture: np.ndarray, channels: int, name: str) -> None:
        multiple = self.info.multiple
        fits = picture.ndim == 4 and picture.shape[:2] == (1, channels) and picture.dtype == np.float32
        if not fits or any(side < multiple or side % multiple for side in picture.shape[2:]):
            raise InputError(
                f"{name} must be float32 1 x {channels} x H x W with H and W positive multiples of {multiple}; "
                f"got {picture.dtype} {' x '.join(map(str, picture.shape))}."
            )

    def _run(self, graph: str, outputs: Sequence[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        session = self._session(graph)
        try:
            return session.run(outputs, feeds)
        # ONNX Runtime raises its own unrelated exception types for a graph that does not fit its inputs.
        except Exception as error:
            raise ModelError(f"{self.folder / graph} failed: {error}. {_AGAIN}") from error

    def _session(self, graph: str) -> Any:
        with self._lock:
            if graph not in self._sessions:
                self._sessions[graph] = _load(self.folder / graph, self._threads)
            return self._sessions[graph]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _load(path: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"{path} is not a graph that ONNX Runtime can load ({error}). {_AGAIN}") from error
    inputs, outputs = _INTERFACE[path.name]
    found = [node.name for node in session.get_inputs()], [node.name for node in session.get_outputs()]
    if set(found[0]) != set(inputs) or not set(outputs) <= set(found[1]):
        raise ModelError(
            f"{path} is of another kind: it has inputs {found[0]} and outputs {found[1]}, "
            f"expected {list(inputs)} and {list(outputs)}. {_AGAIN}"
        )
    return session


def _read_info(folder: Path) -> ModelInfo:
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise ModelError(f"{folder} {what}; a model is a folder with {', '.join(FILES[:3])}.")
    for name in FILES[:3]:
        if not (folder / name).is_file():
            raise ModelError(f"{folder} is not a whole model folder: {name} is missing. {_AGAIN}")
    path = folder / CARD
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} is damaged ({error}). {_AGAIN}") from error
    if not isinstance(fields, dict) or fields.get("format") != _FORMAT:
        found = fields.get("format") if isinstance(fields, dict) else type(fields).__name__
        raise ModelError(f"{path} describes a model of another kind: format {found!r}, expected {_FORMAT!r}.")
    if fields.get("version") != _VERSION:
        raise ModelError(
            f"{path} has version {fields.get('version')!r}, this Nurie reads version {_VERSION}; "
            "install the Nurie that the model's card names."
        )
    numbers: dict[str, int] = {}
    for key in ("size", "multiple", "token_stride", "drawing_size"):
        value = fields.get(key, numbers.get("size") if key == "drawing_size" else None)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ModelError(f"{path}: {key} must be a whole number of at least 1; got {value!r}. {_AGAIN}")
        numbers[key] = value
    info = ModelInfo(
        name=str(fields.get("name", folder.name)),
        **numbers,
        fields=fields,
    )
    if info.multiple % info.token_stride or info.size % info.multiple or info.drawing_size % info.multiple:
        raise ModelError(
            f"{path}: size {info.size} and drawing_size {info.drawing_size} must be multiples of multiple "
            f"{info.multiple}, and that of token_stride {info.token_stride}. {_AGAIN}"
        )
    _check_digests(folder, fields.get("sha256"))
    return info


def _check_digests(folder: Path, digests: object) -> None:
    if not isinstance(digests, dict) or any(name not in digests for name in GRAPHS):
        raise ModelError(f"{folder / CARD}: sha256 must name {' and '.join(GRAPHS)}; got {digests!r}. {_AGAIN}")
    for name in GRAPHS:
        try:
            with open(folder / name, "rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise ModelError(f"{folder / name} cannot be read ({error}). {_AGAIN}") from error
        if found != digests[name]:
            raise ModelError(
                f"{folder / name} is damaged: its SHA-256 is {found[:12]}..., {CARD} says "
                f"{str(digests[name])[:12]}.... {_AGAIN}"
            )
