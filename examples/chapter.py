"""Colour many drawings from the same references, which are looked at once.

    python examples/chapter.py

writes a picture for each drawing into out/chapter. Of the command `nurie colorize FOLDER` it is the core.
"""

from pathlib import Path

from nurie import Colorizer, NurieError

HERE = Path(__file__).parent
OUT = Path("out/chapter")

colorizer = Colorizer()
cast = colorizer.encode(sorted((HERE / "page" / "references").glob("*.png")))

for drawing in sorted(HERE.glob("*/drawing.png")):
    try:
        result = colorizer(drawing, cast)
        print(result.save(OUT / f"{drawing.parent.name}.png"))
    except NurieError as error:  # all errors of Nurie's; one bad page does not stop the others
        print(f"{drawing}: {error}")
