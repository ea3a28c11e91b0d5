"""How concentrated features are before and after the fusion module (Fig. 8).

Shapes: B pictures, C channels, H x W places, R = min(C, HW) singular values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nurie.errors import ConfigError, DataError
from nurie.files.image import to_model
from nurie.lab.corpora.store import write_bytes
from nurie.lab.data import FolderLayout
from nurie.lab.evaluation.pairs import draw_lines, make_pairs
from nurie.lab.evaluation.pictures import load_pictures
from nurie.lab.models.generator import Generator

FORMAT = "nurie-spectrum"
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Spectrum:
    """Cumulative energy, mean over pictures."""

    before: NDArray[np.float64]
    """R, of the line art features that go into the fusion module."""
    after: NDArray[np.float64]
    """R, of what comes out."""
    pictures: int
    """How many were averaged."""


def cumulative_energy(features_BCHW: Tensor) -> Tensor:
    """Share of the first r squared singular values in the sum of all, of the unfolded C x HW map.

        e_r = sum_{i <= r} s_i^2 / sum_i s_i^2                                                          (Fig. 8)

    Args:
        features_BCHW: any real values.

    Returns:
        B x R in float64, rising to 1. A map of zeros has no singular value to share: it gives NaN.

    Example:
        >>> cumulative_energy(torch.ones(1, 3, 2, 2))  # rank one
        tensor([[1., 1., 1.]], dtype=torch.float64)
    """
    energy_BR = torch.linalg.svdvals(features_BCHW.detach().double().flatten(2)).square()
    return energy_BR.cumsum(dim=1) / energy_BR.sum(dim=1, keepdim=True)


@torch.no_grad()
def measure_spectrum(generator: Generator, pairs: Iterable[tuple[Tensor, Tensor]]) -> Spectrum:
    """Mean cumulative energy before and after a generator's fusion module.

    Args:
        generator: in evaluation mode.
        pairs: batches of line art, B x 1 x H x W, and references, B x 3 x H x W, in [-1, 1] and on the generator's
            device; all of one size.

    Raises:
        DataError: no pairs.
    """
    before, after = [], []
    for line_art, reference in pairs:
        output = generator.colorize(line_art, generator.encode(reference))
        before.append(cumulative_energy(output.features).cpu())
        after.append(cumulative_energy(output.fusion.fused).cpu())
    if not before:
        raise DataError("A spectrum needs at least one pair of line art and reference; got none.")
    curves = [torch.cat(parts).mean(dim=0).numpy() for parts in (before, after)]
    return Spectrum(before=curves[0], after=curves[1], pictures=sum(map(len, before)))


def unseen_pairs(
    root: Path,
    *,
    layout: FolderLayout = "corpus",
    sources: Sequence[str] | None = None,
    size: int = 256,
    limit: int = 64,
    batch: int = 4,
    multiple: int = 16,
) -> list[tuple[Tensor, Tensor]]:
    """Batches of line art and references from the test split, paired by the protocol "standard".

    Args:
        root: a corpus, or a folder of pictures.
        layout: what it looks like; see ``nurie.lab.data.read_entries``.
        sources: of a corpus, only these.
        size: width and height.
        limit: pictures at most.
        batch: pairs in a batch; the last may have fewer.
        multiple: of the networks, which the size has to be.

    Returns:
        Line art, B x 1 x size x size, and references, B x 3 x size x size, in [-1, 1].

    Raises:
        ConfigError: the size does not fit.
        DataError: no pictures.
    """
    if size % multiple:
        raise ConfigError(f"The size is {size}; these networks take multiples of {multiple}.")
    pictures = {p.name: p.array for p in load_pictures(root, layout, sources, size=size, limit=limit)}
    lines, colors = [], []
    for pair in make_pairs("standard", list(pictures)):
        lines.append(torch.from_numpy(to_model(draw_lines(pictures[pair.line_art], pair.sigma))))
        colors.append(torch.from_numpy(to_model(pictures[pair.reference])))
    return list(zip(torch.cat(lines).split(batch), torch.cat(colors).split(batch), strict=True))


def write_spectra(spectra: Mapping[str, Spectrum], path: Path) -> None:
    """Write several networks' spectra as JSON, whole or not at all."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "networks": {
            name: {"pictures": s.pictures, "before": s.before.tolist(), "after": s.after.tolist()}
            for name, s in spectra.items()
        },
    }
    write_bytes(path, json.dumps(content, separators=(",", ":")).encode() + b"\n")
