import numpy as np

from nurie.lab.corpora.modelled.raster import rasterize


def test_the_nearest_triangle_wins_as_in_a_loop_over_pixels() -> None:
    rng = np.random.default_rng(5)
    size, count = 23, 31
    points = rng.uniform(-4, size + 4, (3 * count, 2))
    depth = rng.uniform(1, 9, 3 * count)
    faces = np.arange(3 * count).reshape(-1, 3)
    seen = rasterize(points, depth, faces, size, two_sided=np.ones(count, bool))
    found = np.full(size * size, -1)
    found[seen.pixel] = seen.face
    weights = np.zeros((size * size, 3))
    weights[seen.pixel] = seen.weights
    for pixel in range(size * size):
        place = np.array([pixel % size + 0.5, pixel // size + 0.5, 1])
        best, nearest, shares = -1, 0.0, np.zeros(3)
        for number, face in enumerate(faces):
            # Barycentric coordinates by solving for them.
            flat = np.linalg.solve(np.vstack([points[face].T, np.ones(3)]), place)
            near = flat @ (1 / depth[face])
            if (flat >= 0).all() and near > nearest:
                best, nearest, shares = number, near, flat / depth[face] / near
        assert found[pixel] == best
        np.testing.assert_allclose(weights[pixel], shares, atol=1e-9)


def test_a_triangle_from_behind_shows_only_when_it_has_two_sides() -> None:
    # y runs downwards: this is clockwise on the screen, so counter-clockwise with y upwards.
    points = np.array([[1.25, 10], [10, 10], [10, 1.25]])
    faces = np.array([[0, 1, 2], [0, 2, 1]])
    for face, shown in ((0, True), (1, False)):
        seen = rasterize(points, np.ones(3), faces[[face]], 11, two_sided=np.array([False]))
        assert (len(seen.pixel) > 0) == shown
    both = rasterize(points, np.ones(3), faces[[1]], 11, two_sided=np.array([True]))
    assert len(both.pixel) == 36 and both.behind.all()


def test_nothing_to_see_is_no_pixels() -> None:
    points = np.array([[100.0, 100], [110, 100], [100, 110]])
    seen = rasterize(points, np.ones(3), np.array([[0, 1, 2]]), 13, two_sided=np.array([True]))
    assert len(seen.pixel) == 0
