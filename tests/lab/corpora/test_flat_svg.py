import numpy as np
import pytest

from nurie.lab.corpora.flat_svg import MAX_SLOTS, render_flat
from nurie.lab.corpora.render import over, rasterize

SIZE = 61


def svg(body: str, head: str = 'viewBox="0 0 61 61"') -> str:
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f"<svg {names} {head}>{body}</svg>"


USES = '<use href="#g{}"/>'
SQUARES = '<rect x="5" y="5" width="20" height="50" fill="{}"/><rect x="30" y="5" width="29" height="50" fill="{}"/>'


def own_picture(text: str, **options: object) -> np.ndarray:
    flat = render_flat(text, size=SIZE, **options)
    return flat.layers.drawing.picture(flat.palette)


@pytest.mark.parametrize(
    "body",
    [
        SQUARES.format("#e04020", "#2060c0"),
        '<g fill="#e04020"><rect x="5" y="5" width="20" height="50"/></g>'
        '<rect x="30" y="5" width="29" height="50" style="fill:#2060c0; stroke:none"/>',
        "<style>.a{fill:#e04020} .b,rect{fill:#2060c0}</style>"
        '<path class="a" d="M5 5h20v50H5z"/><rect x="30" y="5" width="29" height="50"/>',
        '<defs><path id="p" d="M0 0h20v50H0z"/></defs><use xlink:href="#p" x="5" y="5" fill="#e04020"/>'
        '<g transform="translate(30 5)"><use href="#q" fill="#2060c0"/></g>'
        '<defs><g id="q"><rect width="29" height="50"/></g></defs>',
        '<path d="M15 5v50" stroke="#e04020" stroke-width="20"/>'
        '<rect x="30" y="5" width="29" height="50" fill="#2060c0"/>',
    ],
    ids=["attributes", "inherited and style", "stylesheet", "use", "stroke"],
)
def test_slots_are_the_solid_colors_by_area(body: str) -> None:
    flat = render_flat(svg(body), size=SIZE)
    drawing = flat.layers.drawing
    assert drawing.slots == ("background", "fill-1", "fill-2")
    assert flat.palette == {"background": (255, 255, 255), "fill-1": (32, 96, 192), "fill-2": (224, 64, 32)}
    assert drawing.coverage[1, 30, 45] == 255 and drawing.coverage[2, 30, 15] == 255
    assert drawing.coverage[0, 30, 27] == 255
    truth = over(rasterize(svg(SQUARES.format("#00ff80", "#123456")), SIZE), 255)
    recolored = drawing.picture({"background": (255, 255, 255), "fill-1": (18, 52, 86), "fill-2": (0, 255, 128)})
    # Edges are whole pixels: what may differ is the rounding of two planes.
    assert np.abs(recolored.astype(int) - truth).max() <= 2


def test_what_a_shape_without_a_fill_has_is_black_and_ink() -> None:
    flat = render_flat(
        svg(SQUARES.format("#e04020", "#2060c0") + '<rect x="10" y="10" width="4" height="4"/>'), size=SIZE
    )
    assert flat.layers.drawing.slots == ("background", "fill-1", "fill-2")
    assert flat.layers.drawing.base[12, 12].max() == 0
    assert flat.layers.drawing.coverage[:, 12, 12].max() == 0
    assert flat.layers.drawing.lines[0, 12, 12] == 0  # ink is a line


def test_a_black_cat_is_no_ink() -> None:
    flat = render_flat(svg(SQUARES.format("#101010", "#2060c0")), size=SIZE)
    assert flat.palette["fill-2"] == (16, 16, 16)
    assert flat.layers.drawing.lines[0, 30, 15] == 255
    with pytest.raises(ValueError, match="nothing to tell apart"):
        render_flat(svg(SQUARES.format("#101010", "#2060c0")), size=SIZE, ink_share=1.0)


def test_shades_of_one_surface_are_one_slot() -> None:
    body = SQUARES.format("#e04020", "#2060c0") + '<rect x="32" y="8" width="9" height="9" fill="#2466c4"/>'
    assert render_flat(svg(body), size=SIZE).layers.drawing.slots == ("background", "fill-1", "fill-2")


def test_small_and_surplus_colors_keep_theirs() -> None:
    body = "".join(
        f'<rect x="{4 * i}" y="0" width="4" height="{61 - i}" fill="hsl({24 * i}, 90%, 50%)"/>' for i in range(15)
    )
    flat = render_flat(svg(body), size=SIZE)
    assert len(flat.layers.drawing.slots) == 1 + MAX_SLOTS
    truth = over(rasterize(svg(body), SIZE), 255).astype(int)
    assert np.abs(flat.layers.drawing.picture(flat.palette) - truth).max() <= 2


def test_gradients_stay_and_too_much_of_them_is_refused() -> None:
    stops = '<stop stop-color="#f00"/><stop offset="1" stop-color="#ff0"/>'
    gradient = f'<defs><linearGradient id="g">{stops}</linearGradient></defs>'
    a_little = gradient + SQUARES.format("#e04020", "#2060c0") + '<circle cx="45" cy="30" r="8" fill="url(#g)"/>'
    text = svg(a_little)
    assert np.abs(own_picture(text).astype(int) - over(rasterize(text, SIZE), 255)).mean() < 0.5
    mostly = gradient + SQUARES.format("#e04020", "url(#g)") + '<rect y="58" width="61" height="3" fill="#2060c0"/>'
    with pytest.raises(ValueError, match="cannot be recoloured"):
        render_flat(svg(mostly), size=SIZE)


def test_blend_modes_are_not_linear_and_are_refused() -> None:
    body = SQUARES.format("#e04020", "#2060c0")
    body += '<rect y="3" width="61" height="53" fill="#30d090" style="mix-blend-mode:difference"/>'
    with pytest.raises(ValueError, match="not linear|differs"):
        render_flat(svg(body), size=SIZE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no svg at all", "not an SVG"),
        ("<html/>", "not an SVG: its root is html"),
        (svg("", "width='100%'"), "no extent"),
        (svg("<text>words</text>"), "has text"),
        (svg('<image href="x.png"/>'), "has image"),
        (svg('<rect width="9" height="9" fill="red"/>'), "1 colours: nothing to tell apart"),
        (svg(""), "0 colours: nothing to tell apart"),
        (svg('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>'), "0 colours"),  # a circle
        (
            svg("".join(f'<g id="g{i}">{USES.format(i + 1) * 9}</g>' for i in range(9)) + '<g id="g9"/>'),
            "copies by use",
        ),
    ],
)
def test_unfit_pictures_say_why(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render_flat(text, size=SIZE)
