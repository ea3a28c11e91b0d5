import numpy as np
import pytest

from nurie.lab.corpora.plain_svg import PlainSvg, parse_color, without_veils
from nurie.lab.corpora.render import over, rasterize

SIZE = 61


def svg(body: str, head: str = 'viewBox="0 0 61 61"') -> str:
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f"<svg {names} {head}>{body}</svg>"


@pytest.mark.parametrize(
    ("text", "color"),
    [
        ("#f80", (255, 136, 0)),
        ("#FF8800", (255, 136, 0)),
        ("red", (255, 0, 0)),
        ("rgb(1, 2, 3)", (1, 2, 3)),
        ("currentColor", (0, 0, 0)),
        ("none", None),
        ("url(#a)", None),
        ("", None),
    ],
)
def test_colors(text: str, color: tuple[int, int, int] | None) -> None:
    assert parse_color(text) == color


def test_veils_go_with_all_that_is_in_them() -> None:
    shown = '<g opacity="0.9"><circle r="3"/></g><path d="M0 0h2" fill-opacity=".1"/>'
    veils = '<g opacity=".15"><g><path d="M0 0h7"/></g></g><g><rect width="5" height="3" opacity="0.69"/></g>'
    kept = without_veils(svg(veils + shown))
    assert "circle" in kept and "M0 0h2" in kept
    assert "M0 0h7" not in kept and "rect" not in kept


def line_page(body: str, width: float = 2 / SIZE, ink: frozenset = frozenset({(0, 0, 0)})) -> np.ndarray:
    page = PlainSvg(svg(body)).line_page(width, ink)
    return over(rasterize(page, SIZE), 255)[..., 0]


def test_lines_are_the_borders_that_show() -> None:
    body = '<rect x="10" y="10" width="20" height="20" fill="#e04020"/>'
    body += '<rect x="20" y="20" width="30" height="30" fill="#2060c0"/>'
    lines = line_page(body)
    assert lines[10, 15] == 0 and lines[9, 15] == 0  # two pixels, on either side of the edge
    assert lines[15, 15] == 255 and lines[8, 15] == 255
    assert lines[29, 25] == 255  # hidden by the second
    assert lines[20, 25] == 0


def test_line_widths_do_not_depend_on_the_scale_of_a_group() -> None:
    plain = line_page('<rect x="10" y="10" width="40" height="40" fill="#e04020"/>')
    scaled = line_page(
        '<g transform="translate(2 0) scale(4)"><rect x="4" y="5" width="20" height="20" fill="#e04020" '
        'transform="matrix(.5 0 0 .5 0 0)"/></g>'
    )
    np.testing.assert_array_equal(plain, scaled)


def test_a_broad_stroke_is_an_area_between_two_lines() -> None:
    lines = line_page('<path d="M5 30h50" stroke="#e04020" stroke-width="11"/>')
    profile = lines[:, 30]
    # Edges at 24.5 and 35.5, hence lines of two pixels from 23.5 to 25.5 and from 34.5 to 36.5.
    assert profile[24] == 0 and profile[35] == 0
    assert profile[26:34].min() == 255 and profile[22] == 255 and profile[38] == 255


def test_shades_and_shines_draw_no_lines() -> None:
    body = '<rect x="5" y="5" width="50" height="50" fill="#e04020"/>'
    shade = '<g opacity="0.5"><circle cx="30" cy="30" r="9" fill="#000"/></g>'
    shine = (
        '<defs><radialGradient id="s"><stop stop-color="#fff"/><stop offset="1" stop-color="#fff" stop-opacity="0"/>'
        '</radialGradient></defs><circle cx="30" cy="30" r="9" fill="url(#s)"/>'
    )
    np.testing.assert_array_equal(line_page(body), line_page(body + shade))
    np.testing.assert_array_equal(line_page(body), line_page(body + shine))


def test_lengths_in_units_give_the_canvas() -> None:
    assert PlainSvg(svg("", 'width="2in" height="96"')).view_box == (0, 0, 192, 96)
    assert PlainSvg(svg("", 'width="25.4mm" height="1cm"')).view_box[2] == pytest.approx(96)
