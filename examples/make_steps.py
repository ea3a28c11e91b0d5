"""Make the picture of docs/first-steps.md by its own commands.

    python examples/make_steps.py docs/first-steps.png

Needs only what colouring needs.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

BEAST = Path(__file__).parent / "beast"
#: What the page's commands add to `nurie colorize drawing.png -r reference.png -o ...`.
STEPS = ((), ("--palette", str(BEAST / "sunset.gpl")), ("--set", "512,600=#3060c0", "--set", "280,290=#f7e08a"))
SIDE, GAP = 220, 12


def main() -> None:
    """Write the picture: drawing, reference, then a result for each command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        pictures = [BEAST / "drawing.png", BEAST / "references" / "1.png"]
        for number, options in enumerate(STEPS):
            pictures.append(Path(folder) / f"{number}.png")
            command = ["colorize", str(pictures[0]), "-r", str(pictures[1]), "-o", str(pictures[-1]), *options]
            subprocess.run([sys.executable, "-m", "nurie", *command], check=True, stdout=subprocess.DEVNULL)
        sheet = Image.new("RGB", (len(pictures) * (SIDE + GAP) - GAP, SIDE), "white")
        for number, path in enumerate(pictures):
            with Image.open(path) as picture:
                small = picture.convert("RGB")
            small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            sheet.paste(small, (number * (SIDE + GAP) + (SIDE - small.width) // 2, (SIDE - small.height) // 2))
    sheet.save(out, optimize=True)
    print(out)


if __name__ == "__main__":
    main()
