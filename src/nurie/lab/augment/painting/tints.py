"""Evening, night and haze: one colour over a whole picture.

A tint is the same for both pictures of a pair. What a thing looks like at night cannot be told from a picture by day,
nor the other way round: colours should stay those that the reference shows.
"""

from __future__ import annotations

import torch

from nurie.lab.augment.chance import draws
from nurie.lab.augment.jitter import ColorChange
from nurie.lab.augment.lineart import LUMA

__all__ = ["sample_tints"]

_MOODS = torch.tensor(
    [
        [[1.00, 0.80, 0.60], [0.12, 0.03, 0.00]],
        [[0.45, 0.52, 0.80], [0.00, 0.02, 0.08]],
        [[0.75, 0.60, 0.85], [0.06, 0.00, 0.08]],
        [[0.75, 0.78, 0.80], [0.20, 0.20, 0.18]],
    ]
)
"""Evening, night, dusk and haze: by what red, green and blue are multiplied, and what is laid over them (screen)."""


def sample_tints(batch: int, generator: torch.Generator, device: torch.device) -> ColorChange:
    """Draw a tint for each picture: less saturated, multiplied, then screened.

    c -> 1 - (1 - m c')(1 - s), with c' = (1 - g) c + g Y.

    Args:
        batch: how many pictures.
        generator: on the CPU, the only source of chance.
        device: of the result.

    Returns:
        Affine maps of colours (``nurie.lab.augment.jitter``).
    """
    mood = _MOODS[torch.randint(len(_MOODS), (batch,), generator=generator)]
    # Between nothing and a bit more than the mood itself.
    strength = draws((batch, 1), 0.3, 1.1, generator)
    multiplied = (1 - strength * (1 - mood[:, 0])).clamp(min=0.1)
    screened = strength * mood[:, 1]
    gray = draws((batch, 1, 1), 0, 0.5, generator)
    matrix = (1 - gray) * torch.eye(3) + gray * torch.tensor(LUMA).expand(3, 3)
    matrix = ((1 - screened) * multiplied)[..., None] * matrix
    return ColorChange(torch.cat([matrix, screened[..., None]], dim=2).to(device))
