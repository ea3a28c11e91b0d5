"""Colour profiles: a picture's own numbers brought to sRGB, and sRGB colours brought to a drawing's own numbers.

Convention:
    A profile is an ICC file's bytes, as PIL keeps them in `info["icc_profile"]`. LittleCMS converts, relative
    colorimetric with black point compensation as Photoshop does: white stays white, and a colour that the other space
    does not have becomes the nearest that it has. A profile that is damaged, or that is not for the pixels it comes
    with, counts as none.
"""

import contextlib
import io

import cv2
import numpy as np
from PIL import Image, ImageCms

__all__ = ["from_srgb", "rgb_profile", "to_srgb"]


def rgb_profile(image: Image.Image) -> bytes | None:
    """Return a picture's profile if it is one for RGB that colours can be brought to, else None."""
    profile: bytes | None = image.info.get("icc_profile")
    usable = profile and image.mode in ("RGB", "RGBA") and _transform(profile, "RGB", back=True)
    return profile if usable else None


def to_srgb(image: Image.Image) -> Image.Image:
    """Bring a picture to sRGB by its profile.

    Args:
        image: L, LA, RGB, RGBA or CMYK.

    Returns:
        RGB or RGBA; the picture itself where its profile is none or changes no colour by more than a level.
    """
    profile, mode = image.info.get("icc_profile"), image.mode.removesuffix("A")
    transform = _transform(profile, mode) if profile else None
    if transform is None or not _changes(transform, mode):
        return image
    seen: Image.Image = transform.apply(image if image.mode == mode else image.convert(mode))
    if image.mode != mode:
        seen.putalpha(image.getchannel("A"))
    return seen


def from_srgb(colors: np.ndarray, profile: bytes | None) -> np.ndarray:
    """Bring sRGB colours to a profile's numbers.

    Args:
        colors: uint8 H x W x 3; a pixel like its left neighbour takes no time.
        profile: what `rgb_profile` returned.

    Returns:
        uint8 H x W x 3. White is 255, 255, 255 in every profile, since that is bare paper; the colours themselves where
        the profile is none or changes none by more than a level, so that they are exact in sRGB.
    """
    transform = _transform(profile, "RGB", back=True) if profile else None
    if transform is None or not _changes(transform, "RGB"):
        return colors
    own = np.asarray(transform.apply(Image.fromarray(colors)))
    white = cv2.inRange(colors, (255, 255, 255), (255, 255, 255))
    return cv2.bitwise_or(own, cv2.merge([white] * 3))


def _transform(profile: bytes, mode: str, *, back: bool = False) -> ImageCms.ImageCmsTransform | None:
    """Return what brings pixels of a mode to sRGB, or with `back` sRGB to them; None if the profile cannot."""
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    with contextlib.suppress(ImageCms.PyCMSError, OSError):
        own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        if back:
            # Its short cuts are off by up to 8 levels in the dark, and would save no time on flats.
            return ImageCms.buildTransform(srgb, own, "RGB", mode, intent, flags | ImageCms.Flags.NOOPTIMIZE)
        return ImageCms.buildTransform(own, srgb, mode, "RGB", intent, flags)
    return None


def _changes(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Say whether a transform of RGB or grey moves any of some thousand colours by more than a level.

    By its name "sRGB" may be a profile with another curve, and sRGB's own have many names.
    """
    if mode == "CMYK":
        return True
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(len(levels), -1, 3)
    samples = Image.fromarray(grid).convert(mode)
    return bool(cv2.absdiff(np.asarray(transform.apply(samples)), np.asarray(samples.convert("RGB"))).max() > 1)
