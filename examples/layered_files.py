"""Write a coloured page in layers, for a drawing program, and its layers as pictures.

    python examples/layered_files.py

writes into out/layers. From below the layers are paper, flats, shading (in this mode), and lines.
"""

from pathlib import Path

from nurie import Colorizer

PAGE = Path(__file__).parent / "page"
OUT = Path("out/layers")

colorizer = Colorizer()
known = colorizer.encode(sorted((PAGE / "references").glob("*.png")))
result = colorizer(PAGE / "drawing.png", known, mode="shaded")  # flats, and light and shade over them; or "soft"

print(result.save(OUT / "page.psd"))  # Photoshop, Krita, GIMP, Clip Studio
print(result.save(OUT / "page.ora", layer_per_color=True))  # OpenRaster: a layer for each flat colour
print(result.save(OUT / "colors.png", part="colors"))  # what lies under the lines, alone
print(result.save(OUT / "lines.png", part="lines"))  # black, with transparency for paper

# The same as pictures of PIL's, to go on with in Python.
print(result.image.size, result.colors.mode, result.lines.mode)
