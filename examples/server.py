"""A function for a server: files come as bytes, and the coloured page goes back as bytes. Nothing is written.

    python examples/server.py

calls it once, as a server would, and says how large the answer is.
"""

import io
from collections.abc import Iterable
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from nurie import Colorizer, InputError

HEAD = Path(__file__).parent / "head"

colorizer = Colorizer(max_megapixels=40)  # one for the whole process; larger pictures are refused


def colorize(drawing: bytes, references: Iterable[bytes]) -> bytes:
    """Colour a drawing from references, all of them files, and return a PNG.

    Raises:
        InputError: one of them is no picture, or too large; its message is meant for who sent it.
    """
    result = colorizer(open_picture(drawing), [open_picture(file) for file in references])
    return result.to_bytes(".png")


def open_picture(file: bytes) -> Image.Image:
    """A file's picture; Nurie decodes it."""
    try:
        return Image.open(io.BytesIO(file))
    except UnidentifiedImageError as error:
        raise InputError("the file is no picture that can be read; send a PNG, JPEG, WebP, TIFF or BMP.") from error


if __name__ == "__main__":
    answer = colorize((HEAD / "drawing.png").read_bytes(), [(HEAD / "references" / "1.png").read_bytes()])
    print(f"a PNG of {len(answer):,} bytes")
