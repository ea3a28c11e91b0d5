import numpy as np
import pytest

from nurie.lab.corpora.render import coverages, outline, over, rasterize, recolor, render_layers

SIZE = 61
MARKERS = {"square": "#fe0100", "disc": "#fe0101", "hidden": "#fe0102"}
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 61 61">'
    '<circle cx="30" cy="30" r="3" fill="#fe0102"/>'
    '<rect x="10" y="10" width="40" height="40" fill="#fe0100"/>'
    '<circle cx="30" cy="30" r="10.5" fill="#fe0101" fill-opacity="0.6"/>'
    '<rect x="10" y="44" width="40" height="6" fill="#804020"/></svg>'
)


def test_rasterize_fills_the_square_and_is_clear_outside() -> None:
    rgba = rasterize(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10"><rect width="20" height="10"/></svg>', 31
    )
    assert rgba.shape == (31, 31, 4)
    assert rgba[15, :, 3].min() == 255
    assert rgba[:7, :, 3].max() == 0


def test_what_cannot_be_drawn_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="cannot be drawn"):
        rasterize("<svg", SIZE)


def test_over_is_the_usual_compositing() -> None:
    rgba = np.random.default_rng(1).integers(0, 256, (7, 5, 4), np.uint8)
    alpha = rgba[..., 3:] / 255.0
    exact = rgba[..., :3] * alpha + 255 * (1 - alpha)
    assert np.abs(over(rgba, 255) - exact).max() <= 0.5 + 1e-9  # rounded once


def test_coverages_by_hand() -> None:
    base, ground, shares = coverages(SVG, MARKERS, SIZE)
    assert ground[0, 0] == 255 and ground[30, 30] == 0
    assert shares[0][15, 15] == 255  # the square alone
    # Under the disc of opacity 0.6 the square keeps 0.4; a level for the rounding of each.
    assert abs(int(shares[1][30, 30]) - 153) <= 1 and abs(int(shares[0][30, 30]) - 102) <= 1
    assert shares[2].max() == 0
    assert base[46, 30].tolist() == [128, 64, 32] and base[15, 15].tolist() == [0, 0, 0]


def test_layers_make_any_palette() -> None:
    layers = render_layers(SVG, MARKERS, size=SIZE, drawn=True)
    drawing = layers.drawing
    assert drawing.slots == ("background", "square", "disc")  # what does not show is no slot
    assert layers.line_kinds == ("drawn", "outline") and drawing.lines.shape == (2, SIZE, SIZE)
    rng = np.random.default_rng(4)
    for _ in range(3):
        palette = {slot: tuple(rng.integers(0, 256, 3).tolist()) for slot in MARKERS}
        colors = {slot: "#{:02x}{:02x}{:02x}".format(*color) for slot, color in palette.items()}
        truth = over(rasterize(recolor(SVG, MARKERS, colors), SIZE), 255).astype(int)
        # Two planes and the base are rounded to a level each, and so is librsvg's own compositing of two shapes.
        assert np.abs(drawing.picture(palette | {"background": (255, 255, 255)}) - truth).max() <= 3


def test_outlines_are_where_shapes_end() -> None:
    lines = outline(SVG, SIZE, width=2 / SIZE)
    assert lines[10, 20] == 0 and lines[15, 15] == 255  # the square's border, its inside
    assert lines[30, 40] < 60  # the disc's border, at 40.5
    assert lines[27, 30] == 255  # what is hidden draws no line


def test_a_page_of_lines_takes_the_place_of_the_outlines() -> None:
    page = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 61 61"><rect width="30" height="61"/></svg>'
    lines = render_layers(SVG, MARKERS, size=SIZE, drawn=False, page=page).drawing.lines
    assert lines.shape[0] == 1 and lines[0, :, :30].max() == 0 and lines[0, :, 30:].min() == 255
