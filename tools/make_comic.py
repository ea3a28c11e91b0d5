"""Make the picture of a comic page in docs/comic-pages.md: references, the drawing, seen whole, and panel by panel.

    python tools/make_comic.py docs/comic-page.png

The page is one of `benchmarks/comic_pages.py`. Needs what the lab needs (`pip install 'nurie[lab,corpora]'`).
"""

import argparse
import sys
from pathlib import Path

from PIL import Image

from nurie import Colorizer

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from comic.pages import make_page

KIND, NUMBER = "figure out", 1
HEIGHT, GAP = 480, 12


def main() -> None:
    """Write the picture, from the left."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    page, colorizer = make_page(KIND, NUMBER), Colorizer()
    references = [Image.fromarray(picture) for picture in page.references]
    known = colorizer.encode(references)
    pictures = [Image.fromarray(page.line_art).convert("RGB")]
    pictures += [colorizer(page.line_art, known, panels=panels).image for panels in (False, True)]
    sizes = [(HEIGHT * picture.width // picture.height, HEIGHT) for picture in pictures]
    pages = [picture.resize(size, Image.Resampling.LANCZOS) for picture, size in zip(pictures, sizes, strict=True)]
    side = (HEIGHT - GAP) // 2
    sheet = Image.new("RGB", (side + sum(GAP + picture.width for picture in pages), HEIGHT), "white")
    for row, reference in enumerate(references):
        sheet.paste(reference.resize((side, side), Image.Resampling.LANCZOS), (0, row * (side + GAP)))
    left = side + GAP
    for picture in pages:
        sheet.paste(picture, (left, 0))
        left += picture.width + GAP
    sheet.quantize(128, dither=Image.Dither.NONE).save(out, optimize=True)
    print(out)


if __name__ == "__main__":
    main()
