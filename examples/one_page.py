"""Colour one drawing from a reference picture.

    python examples/one_page.py

writes out/one-page.png.
"""

from pathlib import Path

from nurie import Colorizer

BUST = Path(__file__).parent / "bust"

colorizer = Colorizer()  # the weights that come with Nurie; Colorizer("folder") takes others
result = colorizer(BUST / "drawing.png", references=BUST / "references" / "1.png")

for note in result.notes:  # what one should know who expected more; most often nothing
    print(note)
print(result.save("out/one-page.png"))  # .jpg, .webp, .psd ...: the suffix names the format
