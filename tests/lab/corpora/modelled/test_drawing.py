import numpy as np
import pytest

from nurie.errors import DataError
from nurie.lab.corpora.modelled.drawing import draw, frame
from nurie.lab.corpora.modelled.head import ball
from nurie.lab.corpora.modelled.ink import Pen
from nurie.lab.corpora.modelled.scene import INK, WHITE, Camera, Part, Piece, look

PEN = Pen(width=0.01, pressure=0.0)


def camera(**changes: float) -> Camera:
    given = {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "distance": 100.0, "scale": 0.1} | changes
    return Camera(center=(0, 0, 0), **given)


def sphere(radius: float = 3.0, z: float = 0.0, **changes: object) -> Piece:
    points, faces = ball(61, 83)
    given: dict[str, object] = {
        "points": points * radius + (0, 0, z),
        "rest": points,
        "places": points[:, :2],
        "faces": faces,
        "parts": (Part("skin", "skin"), Part("hair", "hair")),
        "paint": lambda rest, _: (rest[:, 1] > 0).astype(int),
    }
    return Piece(**(given | changes))  # type: ignore[arg-type]


def test_a_camera_sees_left_and_up_where_they_are() -> None:
    places, depth = camera().project(np.array([[1.0, 0, 0], [0, 2, 0], [0, 0, 50]]), 100)
    # 0.1 of 100 pixels a unit; the third is half as far, in the middle.
    np.testing.assert_allclose(places, [[60, 50], [50, 30], [50, 50]])
    np.testing.assert_allclose(depth, [100, 100, 50])
    # At 90 degrees the figure's left (positive x) comes to us.
    _, depth = camera(yaw=90.0).project(np.array([[10.0, 0, 0]]), 100)
    np.testing.assert_allclose(depth, 90)
    # From above, what looks up comes to us.
    _, depth = camera(pitch=90.0).project(np.array([[0, 10.0, 0]]), 100)
    np.testing.assert_allclose(depth, 90)


def test_a_frame_holds_its_points() -> None:
    points = np.random.default_rng(3).normal(0, (1, 5, 2), (97, 3)) + (7, -3, 11)
    for yaw, pitch in ((0.0, 0.0), (40.0, 12.0), (-130.0, 7.0)):
        seen, _ = frame(points, yaw=yaw, pitch=pitch, roll=3, closeness=0.5, fill=0.9).project(points, 1)
        extent = seen.max(axis=0) - seen.min(axis=0)
        # Two rounds of fitting; perspective leaves a little.
        assert abs(extent.max() - 0.9) < 0.02
        np.testing.assert_allclose((seen.max(axis=0) + seen.min(axis=0)) / 2, 0.5, atol=0.02)


def test_the_normals_of_a_ball_are_those_of_a_ball() -> None:
    view = look([sphere()], camera(), 101)
    row, column = np.nonzero(view.part >= 0)
    x, y = (column + view.left + 0.5 - 50.5) / 10.1 / 3, (50.5 - row - view.top - 0.5) / 10.1 / 3
    inside = x**2 + y**2 < 0.9
    expected = np.stack([x, y, np.sqrt(np.clip(1 - x**2 - y**2, 0, None))], axis=1)[inside]
    # Facets, and a camera that is near: hundredths.
    np.testing.assert_allclose(view.normals[row, column][inside], expected, atol=0.05)
    assert abs(len(row) - np.pi * 30.3**2) < 60


def test_planes_add_up_and_colours_are_where_the_parts_are() -> None:
    layers = draw([sphere()], camera(), (PEN, PEN), size=61, ink=(0, 0, 0), rng=np.random.default_rng(0))
    drawing = layers.drawing
    assert drawing.slots == ("background", "skin", "hair") and layers.line_kinds == ("drawn", "drawn")
    total = drawing.coverage.sum(axis=0, dtype=int)
    # What is not covered is ink: the first line plane says the same. Roundings of three planes.
    assert np.abs(255 - total - (255 - drawing.lines[0].astype(int))).max() <= 3
    picture = drawing.picture({"background": (255, 255, 255), "skin": (200, 0, 0), "hair": (0, 0, 200)})
    np.testing.assert_array_equal(picture[20, 30], [0, 0, 200])
    np.testing.assert_array_equal(picture[40, 30], [200, 0, 0])
    np.testing.assert_array_equal(picture[2, 2], [255, 255, 255])
    assert drawing.lines[0][30, 20:40].max() < 200  # the border between the two
    assert drawing.normals is not None
    assert (drawing.normals[2, 2] == 0).all()
    np.testing.assert_allclose(drawing.normals[30, 30], [128, 128, 255], atol=4)


def test_fixed_white_and_ink_belong_to_the_base() -> None:
    eye = sphere(parts=(Part("skin", "skin"), Part(WHITE, "skin"), Part(INK, "skin")))
    paint = {"paint": lambda rest, _: np.where(rest[:, 1] > 0.5, 2, np.where(rest[:, 1] < -0.5, 1, 0))}
    drawing = draw(
        [sphere(parts=eye.parts, **paint)], camera(), (PEN,), size=61, ink=(9, 8, 7), rng=np.random.default_rng(0)
    ).drawing
    assert drawing.slots == ("background", "skin")
    np.testing.assert_array_equal(drawing.base[16, 30], [9, 8, 7])
    np.testing.assert_array_equal(drawing.base[44, 30], [255, 255, 255])


def test_what_stands_before_something_of_its_own_colour_gets_a_line() -> None:
    both = [sphere(paint=lambda rest, _: np.zeros(len(rest), int)), sphere(1.0, 6.0)]
    both[1] = sphere(1.0, 6.0, paint=lambda rest, _: np.zeros(len(rest), int))
    drawing = draw(both, camera(), (PEN,), size=61, ink=(0, 0, 0), rng=np.random.default_rng(0)).drawing
    row = drawing.lines[0][30].astype(int)
    # Two contours and two overlaps along the middle row.
    assert ((row[:-1] >= 230) & (row[1:] < 230)).sum() == 4


def test_a_camera_that_sees_nothing_is_an_error() -> None:
    with pytest.raises(DataError, match="sees no figure"):
        draw([sphere(z=-500.0)], camera(scale=30.0, roll=0.0, yaw=90.0), (PEN,), size=31, ink=(0, 0, 0),
             rng=np.random.default_rng(0))  # fmt: skip
