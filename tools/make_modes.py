"""Make the picture of docs/full-size.md: a part of a drawing, and the same part in each mode of colouring.

    python tools/make_modes.py docs/full-size.png

Needs only what colouring needs.
"""

import argparse
from pathlib import Path

from PIL import Image

from nurie import Colorizer
from nurie.painting.shading import Mode

PAGE = Path(__file__).parents[1] / "examples" / "page"
MODES: tuple[Mode, ...] = ("flats", "soft", "shaded")
PART = (300, 780, 860, 1340)
"""Left, top, right, bottom of what is shown, in pixels of the drawing."""
SIDE, GAP = 300, 12


def main() -> None:
    """Write the picture: the part of the drawing, then of each mode, side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    colorizer = Colorizer()
    known = colorizer.encode(sorted((PAGE / "references").glob("*.png")))
    with Image.open(PAGE / "drawing.png") as drawing:
        pictures = [drawing.convert("RGB")]
    for mode in MODES:
        pictures.append(colorizer(PAGE / "drawing.png", known, mode=mode).image)
    sheet = Image.new("RGB", (len(pictures) * (SIDE + GAP) - GAP, SIDE), "white")
    for number, picture in enumerate(pictures):
        sheet.paste(picture.crop(PART).resize((SIDE, SIDE), Image.Resampling.LANCZOS), (number * (SIDE + GAP), 0))
    sheet.save(out, optimize=True)
    print(out)


if __name__ == "__main__":
    main()
