"""Put each example's drawing, references and result side by side.

    python tools/make_sheet.py out/examples

reads the results from that folder and writes sheet.png into it. Needs only what colouring needs.
"""

import argparse
from pathlib import Path

from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"
ROWS = (("head", "bear"), ("bust", "beast", "page"))
HEIGHT, GAP = 220, 12


def fit(path: Path, height: int) -> Image.Image:
    """A picture at a height, its aspect kept, on white."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    return picture.resize((max(1, round(picture.width * height / picture.height)), height), Image.Resampling.LANCZOS)


def group(name: str, results: Path) -> Image.Image:
    """Drawing, references below one another, result."""
    references = sorted((EXAMPLES / name / "references").glob("*.png"))
    each = (HEIGHT - GAP * (len(references) - 1)) // len(references)
    stack = [fit(path, min(each, 2 * HEIGHT // 3)) for path in references]
    parts = [fit(EXAMPLES / name / "drawing.png", HEIGHT), None, fit(results / f"{name}.png", HEIGHT)]
    middle = max(picture.width for picture in stack)
    widths = [middle if part is None else part.width for part in parts]
    sheet = Image.new("RGB", (sum(widths) + 2 * GAP, HEIGHT), "white")
    left = 0
    for part, width in zip(parts, widths, strict=True):
        if part is not None:
            sheet.paste(part, (left, 0))
        else:
            total = sum(picture.height for picture in stack) + GAP * (len(stack) - 1)
            top = (HEIGHT - total) // 2
            for picture in stack:
                sheet.paste(picture, (left + (middle - picture.width) // 2, top))
                top += picture.height + GAP
        left += width + GAP
    return sheet


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="the folder with the coloured drawings")
    results = parser.parse_args().results
    rows = [[group(name, results) for name in names] for names in ROWS]
    width = max(sum(part.width for part in row) + 4 * GAP * (len(row) - 1) for row in rows)
    sheet = Image.new("RGB", (width + 2 * GAP, (HEIGHT + 2 * GAP) * len(rows)), "white")
    for number, row in enumerate(rows):
        left = GAP
        for part in row:
            sheet.paste(part, (left, GAP + number * (HEIGHT + 2 * GAP)))
            left += part.width + 4 * GAP
    path = results / "sheet.png"
    sheet.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"Drawing, reference and result side by side: {path.resolve()}")


if __name__ == "__main__":
    main()
