"""Make the pictures of docs/first-steps.md by its own commands.

    python tools/make_steps.py docs/first-steps.png

explained.png is written beside that. Needs only what colouring needs.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"
BEAST, PAGE = EXAMPLES / "beast", EXAMPLES / "page"
STEPS = ((), ("--palette", str(BEAST / "sunset.gpl")), ("--set", "512,600=#3060c0", "--set", "280,290=#f7e08a"))
"""What the page's commands add to `nurie colorize drawing.png -r reference.png -o ...`."""
SIDE, GAP, EXPLAINED = 220, 12, 800


def main() -> None:
    """Write the pictures: drawing, reference, then a result for each command; a page explained."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        pictures = [BEAST / "drawing.png", BEAST / "references" / "1.png"]
        for number, options in enumerate(STEPS):
            pictures.append(Path(folder) / f"{number}.png")
            _colorize(pictures[0], pictures[1], pictures[-1], *options)
        sheet = Image.new("RGB", (len(pictures) * (SIDE + GAP) - GAP, SIDE), "white")
        for number, path in enumerate(pictures):
            with Image.open(path) as picture:
                small = picture.convert("RGB")
            small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            sheet.paste(small, (number * (SIDE + GAP) + (SIDE - small.width) // 2, (SIDE - small.height) // 2))
        _colorize(PAGE / "drawing.png", PAGE / "references", Path(folder) / "page.png", "--explain")
        with Image.open(Path(folder) / "page.png.flats.png") as picture:
            explained = picture.resize((EXPLAINED, round(picture.height * EXPLAINED / picture.width)))
    for made, path in ((sheet, out), (explained, out.with_name("explained.png"))):
        made.save(path, optimize=True)
        print(path)


def _colorize(drawing: Path, reference: Path, out: Path, *options: str) -> None:
    command = ["colorize", str(drawing), "-r", str(reference), "-o", str(out), *options]
    subprocess.run([sys.executable, "-m", "nurie", *command], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
