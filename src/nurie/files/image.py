"""Pictures from files, PIL and arrays, and back to files.

Convention:
    Outside, a picture is uint8, H x W (grey) or H x W x 3 (RGB), upright; its colours are sRGB unless it comes with a
    profile. A model sees float32 B x C x H x W in [-1, 1]; line art has one channel, paper +1, ink -1. Transparent
    means paper: alpha is flattened on white.
"""

import contextlib
import io
import math
import os
import threading
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from nurie.errors import InputError, OutputError
from nurie.files.atomic import replace_file
from nurie.files.icc import to_srgb

__all__ = [
    "MAX_MEGAPIXELS",
    "READABLE",
    "WRITABLE",
    "Source",
    "alpha_of",
    "array_of",
    "check_writable",
    "encoded",
    "from_model",
    "gray_of",
    "read",
    "resolution",
    "rgb_of",
    "to_model",
    "write",
]

Source = str | os.PathLike[str] | Image.Image | np.ndarray

MAX_MEGAPIXELS = 200.0
READABLE = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
_NAMES = "PNG, JPEG, WebP, TIFF, BMP"
_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"II*\0", b"MM\0*", b"BM")
# Settings that keep the lines as they are; JPEG cannot, so it gets its best quality and full colour resolution.
WRITABLE: dict[str, tuple[str, dict[str, object]]] = {
    ".png": ("PNG", {"compress_level": 2}),
    ".tif": ("TIFF", {"compression": "tiff_lzw"}),
    ".tiff": ("TIFF", {"compression": "tiff_lzw"}),
    ".webp": ("WEBP", {"lossless": True, "quality": 30}),
    ".bmp": ("BMP", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
}
# Pixels a side that a format can count, or its library.
_MAX_SIDES = {"WEBP": 16_383, "JPEG": 65_500}
_BOMB_LOCK = threading.Lock()


def read(source: Source, *, max_megapixels: float = MAX_MEGAPIXELS) -> Image.Image:
    """Read one picture, upright and decoded.

    Args:
        source: a path, a PIL image, or an array: uint8 or uint16 or bool, H x W, H x W x 1, x 3 (RGB) or x 4 (RGBA).
        max_megapixels: larger pictures are refused before they are decoded.

    Returns:
        A loaded PIL image in mode L, LA, RGB, RGBA or CMYK. Of several pages or frames it is the first.

    Raises:
        InputError: the picture is missing, a directory, not a picture, truncated, empty or too large.

    Example:
        >>> read(np.full((3, 5), 255, np.uint8)).size
        (5, 3)
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, max_megapixels)
    if isinstance(source, Image.Image):
        return _decode(source, f"the {source.mode} picture", max_megapixels)
    if not isinstance(source, (str, os.PathLike)):
        raise InputError(
            f"a picture is a path, a PIL image or a NumPy array; got {type(source).__name__}. Give one of these."
        )
    path = Path(source)
    with _opened(path) as image:
        return _decode(image, str(path), max_megapixels)


def rgb_of(image: Image.Image) -> np.ndarray:
    """Return what the eye sees on white paper, in sRGB: uint8 H x W x 3. An embedded colour profile is honoured."""
    flat = _flattened(to_srgb(image))
    return np.asarray(flat if flat.mode == "RGB" else flat.convert("RGB"))


def array_of(image: Image.Image) -> np.ndarray:
    """Return the pixels on white paper: uint8 H x W for a grey picture, else H x W x 3.

    Unlike `rgb_of` it leaves colour profiles alone: pure black ink of a CMYK page stays pure black.
    """
    flat = _flattened(image)
    return np.asarray(flat if flat.mode in ("L", "RGB") else flat.convert("RGB"))


def gray_of(image: Image.Image) -> np.ndarray:
    """Return the luminance on white paper: uint8 H x W."""
    flat = _flattened(image)
    return np.asarray(flat if flat.mode == "L" else flat.convert("L"))


def alpha_of(image: Image.Image) -> np.ndarray | None:
    """Return the transparency, uint8 H x W with 255 opaque, or None where the picture has none."""
    return np.asarray(image.getchannel("A")) if image.mode in ("LA", "RGBA") else None


def to_model(pixels: np.ndarray) -> np.ndarray:
    """Turn pixels into what a model sees.

    Args:
        pixels: uint8 H x W or H x W x C.

    Returns:
        float32 1 x C x H x W in [-1, 1]: value / 127.5 - 1.

    Example:
        >>> to_model(np.array([[0, 255]], np.uint8)).ravel().tolist()
        [-1.0, 1.0]
    """
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(planes[None], np.float32) / np.float32(127.5) - np.float32(1)


def from_model(values: np.ndarray) -> np.ndarray:
    """Turn a model's float 1 x C x H x W in [-1, 1] into uint8 H x W x C, rounded; values outside are clipped."""
    levels = np.clip(np.rint((values[0].transpose(1, 2, 0) + 1) * 127.5), 0, 255)
    return np.ascontiguousarray(levels.astype(np.uint8))


def resolution(dpi: Iterable[float] | None) -> tuple[float, float] | None:
    """Return a resolution in pixels an inch, across and down; None for what can be none, as 1 or NaN.

    Example:
        >>> resolution((600, 600)), resolution((0, float("nan")))
        ((600.0, 600.0), None)
    """
    # Files state it as a fraction whose denominator may be 0, and Pillow says 1 of a TIFF that does not state it.
    try:
        across, down = (float(value) for value in dpi or (0, 0))
    except ZeroDivisionError:  # of Pillow before 13
        return None
    return (across, down) if all(1 < value <= 32767 for value in (across, down)) else None


def write(image: Image.Image, path: str | os.PathLike[str]) -> Path:
    """Write one picture whole or not at all, in the format that the suffix names (see `encoded`).

    Args:
        image: L, LA, RGB or RGBA.
        path: the file; folders above it are made.

    Returns:
        The path written.

    Raises:
        OutputError: the suffix names no format that is written, the format cannot hold the picture, or the place cannot
            be written.
    """
    path = Path(path)
    # Not right into the file: what an encoder of Pillow says of a full disk is not that it is full.
    packed = encoded(image, path.suffix, name=path.name)
    replace_file(path, lambda stream: stream.write(packed))
    return path


def encoded(image: Image.Image, suffix: str, *, name: str = "the picture") -> memoryview:
    """Return the bytes of a picture's file.

    Args:
        image: L, LA, RGB or RGBA, with its resolution and profile, if any, in `info` ("dpi", "icc_profile"). Formats
            without transparency (BMP, JPEG) get it on white paper, the one without profiles (BMP) gets it in sRGB.
        suffix: names the format, ".png".
        name: of the picture, for errors.

    Raises:
        OutputError: the suffix names no format that is written, or the format cannot hold the picture.
    """
    _check_suffix(suffix, name, WRITABLE)
    form, settings = WRITABLE[suffix.lower()]
    if max(image.size) > _MAX_SIDES.get(form, math.inf):
        raise OutputError(
            f"{name}: {form} has at most {_MAX_SIDES[form]} pixels a side, the picture has {image.width} x "
            f"{image.height}. Write .png, or cut the page."
        )
    settings = {**settings, "icc_profile": image.info.get("icc_profile")}
    if dpi := resolution(image.info.get("dpi")):
        settings |= {"exif": _exif_of(dpi)} if form == "WEBP" else {"dpi": dpi}
    if form == "BMP":
        image = to_srgb(image)
    if form in ("JPEG", "BMP"):
        image = _flattened(image)
    packed = io.BytesIO()
    image.save(packed, form, **settings)
    return packed.getbuffer()


def check_writable(path: str | os.PathLike[str], *, further: Sequence[str] = ()) -> None:
    """Say early, before any work and without making anything, when an output file cannot be written.

    Args:
        path: the file.
        further: suffixes that are fine beside those of single pictures.

    Raises:
        OutputError: the suffix names no format that is written, or the place cannot be written.
    """
    path = Path(path)
    _check_suffix(path.suffix, path.name, dict.fromkeys((*WRITABLE, *further)))
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file in it, for example {path / 'picture.png'}.")
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir():
        raise OutputError(f"cannot write {path}: {above} is a file. Choose another output.")
    if not os.access(above, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {path}: no permission to write in {above}. Choose another output.")


def _check_suffix(suffix: str, name: str, known: Collection[str]) -> None:
    if suffix.lower() not in known:
        raise OutputError(f"{name}: cannot write {suffix or 'a file without suffix'!r}; use {', '.join(known)}.")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    if path.is_dir():
        raise InputError(f"{path} is a directory; give a picture file ({_NAMES}).")
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; check the path.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    if not data:
        raise InputError(f"{path} is empty (0 bytes); copy or export it again.")
    # Pillow's own limit (179 megapixels) is a module variable and lower than ours: `_decode` checks before decoding.
    with _BOMB_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
        # Decoders fail on foreign bytes in many ways (OSError, SyntaxError, ValueError, struct.error, ...).
        except Exception as error:
            if data.startswith(_MAGIC):
                raise InputError(f"{path} is damaged or truncated; copy or export it again.") from error
            raise InputError(f"{path} is not a picture that Nurie reads; export it as one ({_NAMES}).") from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    with image:
        yield image


def _check_size(width: int, height: int, name: str, max_megapixels: float) -> None:
    if width < 1 or height < 1:
        raise InputError(f"{name} has no pixels ({width} x {height}); give a picture of at least 1 x 1.")
    if width * height > max_megapixels * 1e6:
        raise InputError(
            f"{name} has {width * height / 1e6:.4g} megapixels ({width} x {height}), more than the limit of "
            f"{max_megapixels:g}; make it smaller or raise the limit (--max-megapixels, max_megapixels=)."
        )


def _decode(image: Image.Image, name: str, max_megapixels: float) -> Image.Image:
    _check_size(*image.size, name, max_megapixels)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image.load()
    except Exception as error:
        raise InputError(f"{name} is damaged or truncated ({error}); copy or export it again.") from error
    # A damaged EXIF block is no reason to refuse a picture whose pixels are whole.
    upright, dpi = None, resolution(image.info.get("dpi"))
    with contextlib.suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        upright = ImageOps.exif_transpose(image)
        dpi = dpi or _exif_dpi(image)
    return _plain(upright or image.copy(), dpi)


def _exif_of(dpi: tuple[float, float]) -> Image.Exif:
    """Return a resolution as WebP has it, which has no field of its own; 2 is an inch."""
    exif, tags = Image.Exif(), ExifTags.Base
    exif.update({tags.XResolution: dpi[0], tags.YResolution: dpi[1], tags.ResolutionUnit: 2})
    return exif


def _exif_dpi(image: Image.Image) -> tuple[float, float] | None:
    exif, tags = image.getexif(), ExifTags.Base
    # Inches, centimetres, or only the shape of a pixel.
    scale = {2: 1.0, 3: 2.54}.get(exif.get(tags.ResolutionUnit, 2), 0.0)
    return resolution(scale * float(exif.get(tag, 0)) for tag in (tags.XResolution, tags.YResolution))


def _plain(image: Image.Image, dpi: tuple[float, float] | None) -> Image.Image:
    """Bring an image of ours in any mode to L, LA, RGB, RGBA or CMYK, with its resolution and profile."""
    mode = image.mode
    kept: dict[str | tuple[int, int], object] = {"dpi": dpi, "icc_profile": image.info.get("icc_profile")}
    if mode.startswith("I;16") or mode in ("I", "F"):
        plain = Image.fromarray(_eight_bits(np.asarray(image)))
    elif mode in ("P", "PA"):
        plain = image.convert("RGBA" if mode == "PA" or "transparency" in image.info else "RGB")
    elif mode in ("L", "1") and "transparency" in image.info:
        plain = image.convert("L").convert("LA") if mode == "1" else image.convert("LA")
    elif mode == "RGB" and "transparency" in image.info:
        plain = image.convert("RGBA")
    elif mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        plain = image
    else:
        plain = image.convert({"1": "L", "La": "LA", "RGBa": "RGBA"}.get(mode, "RGB"))
    plain.info.clear()
    plain.info.update({key: value for key, value in kept.items() if value})
    return plain


def _eight_bits(values: np.ndarray) -> np.ndarray:
    """Bring 16-bit whole numbers (0..65535) or floats (0..1, or the other two ranges) to 0..255."""
    top = float(values.max(initial=0))
    if values.dtype == np.uint16 or top > 255:
        scale = 1 / 257
    elif np.issubdtype(values.dtype, np.floating) and top <= 1:
        scale = 255.0
    else:
        scale = 1.0
    return np.clip(np.rint(np.nan_to_num(values.astype(np.float32)) * scale), 0, 255).astype(np.uint8)


def _from_array(pixels: np.ndarray, max_megapixels: float) -> Image.Image:
    shaped = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    if shaped.ndim != 2 and not (shaped.ndim == 3 and shaped.shape[2] in (3, 4)):
        raise InputError(f"an array must be H x W, H x W x 1, x 3 (RGB) or x 4 (RGBA); got shape {pixels.shape}.")
    _check_size(shaped.shape[1], shaped.shape[0], "the array", max_megapixels)
    if shaped.dtype == np.bool_:
        shaped = shaped.astype(np.uint8) * 255
    elif shaped.dtype == np.uint16:
        shaped = _eight_bits(shaped)
    elif shaped.dtype != np.uint8:
        raise InputError(
            f"an array must be uint8, uint16 or bool; got {shaped.dtype}. "
            "For values in 0..1: (array * 255).round().astype('uint8')."
        )
    return Image.fromarray(np.ascontiguousarray(shaped))


def _flattened(image: Image.Image) -> Image.Image:
    if image.mode not in ("LA", "RGBA"):
        return image
    base = "L" if image.mode == "LA" else "RGB"
    paper = Image.new(base, image.size, "white")
    paper.paste(image.convert(base), mask=image.getchannel("A"))
    return paper
