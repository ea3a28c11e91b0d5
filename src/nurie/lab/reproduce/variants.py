"""The networks of the paper's tables: a fusion module and its settings each, with the published scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from nurie.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A network that differs from the others in its fusion module alone."""

    title: str
    """The title in tables."""
    fusion: str
    """The fusion module's name in the registry."""
    settings: dict[str, Any] = field(default_factory=dict)
    """The fusion module's keywords."""


VARIANTS = MappingProxyType(
    {
        "spade": Variant(title="SPADE", fusion="spade"),
        "cocosnet": Variant(title="CoCosNet", fusion="cocosnet"),
        "scft": Variant(title="SCFT", fusion="scft"),
        "scft-raw": Variant(title="SCFT w/o Wq, Wk", fusion="scft", settings={"project": False}),
        "scft-stop": Variant(title="SCFT w/ stop-gradient", fusion="scft", settings={"stop_gradient": True}),
        "scft-stop-raw": Variant(
            title="SCFT w/ stop-gradient, w/o Wq, Wk", fusion="scft", settings={"stop_gradient": True, "project": False}
        ),
        "unite": Variant(title="UNITE", fusion="unite"),
        "cmft": Variant(title="CMFT", fusion="cmft"),
        "sga": Variant(title="SGA", fusion="sga"),
        "sga-open": Variant(title="SGA w/o stop-gradient", fusion="sga", settings={"stop_gradient": False}),
        "sga-softmax": Variant(title="SGA w/o double-norm", fusion="sga", settings={"double_normalization": False}),
        "sga-cross": Variant(title="SGA w/o self-SGA", fusion="sga", settings={"self_block": False}),
        "sga-aligned": Variant(title="SGA aligned (ours)", fusion="sga-aligned"),
    }
)


def find_variant(name: str) -> Variant:
    """A variant by name.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in VARIANTS:
        raise ConfigError(f"No network {name!r}; there are: {', '.join(VARIANTS)}.")
    return VARIANTS[name]


class Published(NamedTuple):
    """A published score: FID (2048, less is better) and global SSIM (more is better)."""

    fid: float
    ssim: float


PUBLISHED = MappingProxyType(
    {
        "spade": {
            "anime": Published(57.55, 0.681),
            "cat": Published(36.11, 0.526),
            "dog": Published(76.57, 0.631),
            "wild": Published(24.56, 0.573),
        },
        "cocosnet": {
            "anime": Published(52.06, 0.672),
            "cat": Published(35.02, 0.511),
            "dog": Published(68.69, 0.603),
            "wild": Published(23.10, 0.554),
        },
        "scft": {
            "anime": Published(44.65, 0.788),
            "cat": Published(36.33, 0.636),
            "dog": Published(79.08, 0.683),
            "wild": Published(24.93, 0.633),
        },
        "scft-raw": {"anime": Published(48.04, 0.799)},
        "scft-stop": {"anime": Published(38.20, 0.835)},
        "scft-stop-raw": {"anime": Published(36.78, 0.841)},
        "unite": {
            "anime": Published(52.19, 0.676),
            "cat": Published(33.26, 0.636),
            "dog": Published(72.38, 0.677),
            "wild": Published(23.97, 0.592),
        },
        "cmft": {
            "anime": Published(38.94, 0.873),
            "cat": Published(37.78, 0.813),
            "dog": Published(73.18, 0.809),
            "wild": Published(23.90, 0.822),
        },
        "sga": {
            "anime": Published(29.65, 0.912),
            "cat": Published(34.35, 0.843),
            "dog": Published(54.76, 0.841),
            "wild": Published(15.19, 0.831),
        },
        "sga-open": {
            "anime": Published(36.34, 0.876),
            "cat": Published(40.73, 0.796),
            "dog": Published(72.34, 0.808),
            "wild": Published(19.90, 0.791),
        },
        "sga-softmax": {
            "anime": Published(33.42, 0.861),
            "cat": Published(34.42, 0.811),
            "dog": Published(55.08, 0.828),
            "wild": Published(15.95, 0.809),
        },
        "sga-cross": {
            "anime": Published(31.56, 0.917),
            "cat": Published(34.26, 0.842),
            "dog": Published(55.69, 0.839),
            "wild": Published(16.36, 0.821),
        },
    }
)
"""Variant -> data set -> score, of Tables 1, 2 and 3. In Table 1 the check marks are read in this order: neither, then
the stop alone; its first row is Table 2's SCFT."""
