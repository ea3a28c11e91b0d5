"""Lock a drawing to a palette, give two regions another colour by hand, and find both again the next time.

    python examples/palette_and_corrections.py

writes out/corrected.png, the corrections beside it, and out/again.png, which has them too.
"""

from pathlib import Path

from nurie import Colorizer

BEAST = Path(__file__).parent / "beast"
DRAWING, REFERENCE = BEAST / "drawing.png", BEAST / "references" / "1.png"

colorizer = Colorizer()
known = colorizer.encode(REFERENCE)
print("colours of the reference:", *(swatch.name for swatch in known.swatches))

# Every flat becomes exactly one colour of the file. palette="lock" takes the reference's own, and a list of "#rrggbb"
# is a palette too.
result = colorizer(DRAWING, known, palette=BEAST / "sunset.gpl")
result.recolor(512, 600, "#3060c0")  # the region at column 512, row 600 of the drawing
result.recolor(280, 290, "#f7e08a")
print(result.save("out/corrected.png"))  # and corrected.png.nurie.json, which remembers the two

# Another day: the drawing is coloured anew, and its corrections are laid over it.
again = colorizer(DRAWING, known)
print(again.correct("out/corrected.png.nurie.json"), "regions as they were set by hand")
print(again.save("out/again.png"))
