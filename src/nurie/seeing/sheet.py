"""The sheet that a drawing comes on: its pixels as read, its transparency, resolution and colour profile."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from nurie.files import icc, image
from nurie.files.corrections import Fingerprint

__all__ = ["Sheet"]

# Chosen by hand; no measurement is recorded.
_PAPER = 200
"""What is brighter than this is paper, on a sheet of which something is opaque."""
_BARE = 0.2
"""Lines on glass have less paper than this among what is opaque: the rims of their strokes."""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What a drawing's file holds beside its lines."""

    pixels: np.ndarray
    """As read, on white paper: uint8 H x W or H x W x 3."""
    alpha: np.ndarray | None
    """uint8 H x W, 255 opaque; None where nothing is transparent."""
    straight: np.ndarray | None
    """Where there is transparency, the colours that are not mixed with paper: uint8 H x W x 3."""
    on_glass: bool
    """There is no opaque paper: the lines alone on transparency."""
    dpi: tuple[float, float] | None
    """Pixels an inch, across and down."""
    profile: bytes | None
    """The colour profile of the pixels, if they have one for RGB."""
    profile_left: bool
    """They have colours and a profile, and it is not kept."""

    @classmethod
    def of(cls, picture: Image.Image, pixels: np.ndarray, lines: np.ndarray, *, extracted: bool) -> "Sheet":
        """Read what a picture says of itself.

        Args:
            picture: from `nurie.files.image.read`.
            pixels: of it on white paper, uint8 H x W or H x W x 3.
            lines: its lines on white paper, uint8 H x W or H x W x 3.
            extracted: the lines were taken from a colour picture, and stand for its colours.
        """
        alpha, straight, on_glass = image.alpha_of(picture), None, False
        if alpha is not None:
            on_glass = _is_on_glass(lines, alpha)
            straight = _straight(lines if extracted else np.asarray(picture.convert("RGB")), alpha)
        profile = icc.rgb_profile(picture)
        # A grey drawing becomes RGB anyway, and its profile says next to nothing of black lines on white.
        left = profile is None and "icc_profile" in picture.info and picture.mode not in ("L", "LA")
        return cls(
            pixels=pixels,
            alpha=alpha,
            straight=straight,
            on_glass=on_glass,
            dpi=picture.info.get("dpi"),
            profile=profile,
            profile_left=left,
        )

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """Tells this drawing from others."""
        height, width = self.pixels.shape[:2]
        return Fingerprint(width, height, hashlib.sha256(np.ascontiguousarray(self.pixels).data).hexdigest())


def _is_on_glass(lines: np.ndarray, alpha: np.ndarray) -> bool:
    """Say whether what is opaque are lines alone; uint8 H x W or H x W x 3, and uint8 H x W."""
    gray, opaque = lines if lines.ndim == 2 else lines.min(2), alpha > 127
    return bool(np.count_nonzero(opaque & (gray > _PAPER)) < _BARE * np.count_nonzero(opaque))


def _straight(colors: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return colours, uint8 H x W x 3, white where nothing is seen: there files often hold black."""
    rgb = np.dstack([colors] * 3) if colors.ndim == 2 else colors
    return np.where((alpha > 0)[..., None], rgb, np.uint8(255))
