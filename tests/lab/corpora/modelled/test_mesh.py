import numpy as np

from nurie.lab.corpora.modelled.head import ball
from nurie.lab.corpora.modelled.mesh import Mesh
from nurie.lab.corpora.modelled.scene import vertex_normals


def plate() -> Mesh:
    points = np.array([[0, 0, 0], [4, 0, 0], [4, 3, 0], [0, 3, 0]], np.float64)
    return Mesh(points=points, rest=2 * points, places=points[:, :2], faces=np.array([[0, 1, 2], [0, 2, 3]]))


def area(mesh: Mesh) -> float:
    a, b, c = (mesh.points[mesh.faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    assert (across[:, 2] >= 0).all()  # no triangle was turned over
    return float(np.linalg.norm(across, axis=1).sum() / 2)


def test_a_cut_keeps_exactly_what_lies_above_the_line() -> None:
    mesh = plate()
    kept = mesh.cut(mesh.points[:, 0] - 1.3)
    np.testing.assert_allclose(area(kept), 2.7 * 3)
    np.testing.assert_allclose(kept.points[:, 0].min(), 1.3)
    np.testing.assert_allclose(kept.rest, 2 * kept.points)
    slanted = mesh.cut(5 - mesh.points[:, 0] - mesh.points[:, 1])
    np.testing.assert_allclose(area(slanted), 12 - 2 * 2 / 2)
    assert len(mesh.cut(np.full(4, -1.0)).faces) == 0


def test_finer_triangles_cover_the_same() -> None:
    finer = plate().finer()
    assert len(finer.faces) == 8 and len(finer.points) == 9
    np.testing.assert_allclose(area(finer), 12)
    np.testing.assert_allclose(finer.rest, 2 * finer.points)


def test_normals_of_a_ball_look_outwards_and_thicker_is_larger() -> None:
    points, faces = ball(31, 47)
    normals = vertex_normals(points, faces)
    inner = np.abs(points[:, 1]) < 0.99  # the poles' triangles have no area
    # Of facets, so some hundredths off the ball's own.
    np.testing.assert_allclose(normals[inner], points[inner], atol=0.05)
    grown = Mesh(points=points, rest=points, places=points[:, :2], faces=faces).thicker(0.5)
    np.testing.assert_allclose(np.linalg.norm(grown.points[inner], axis=1), 1.5, atol=0.01)
