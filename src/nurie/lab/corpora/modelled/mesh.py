"""Surfaces with their places at rest, cut along any line, made finer and thicker."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nurie.lab.corpora.modelled.raster import Floats, Ints
from nurie.lab.corpora.modelled.scene import vertex_normals


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """A posed surface."""

    points: Floats
    """V x 3, world."""
    rest: Floats
    """V x 3, the same points at rest."""
    places: Floats
    """V x 2, coordinates along the surface, for paint."""
    faces: Ints
    """F x 3, counter-clockwise from outside."""

    def thicker(self, by: Floats | float) -> Mesh:
        """Moved outwards along its normals.

        Args:
            by: how far, world units; one number, or one a point.
        """
        out = vertex_normals(self.points, self.faces)
        return replace(self, points=self.points + out * np.reshape(by, (-1, 1)))

    def finer(self) -> Mesh:
        """Every triangle as four."""
        edges = np.sort(self.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        unique, number = np.unique(edges, axis=0, return_inverse=True)
        middle = number.reshape(-1, 3) + len(self.points)
        (a, b, c), (ab, bc, ca) = self.faces.T, middle.T
        faces = np.concatenate([np.stack(corners, axis=1) for corners in ((a, ab, ca), (ab, b, bc), (ca, bc, c))])
        faces = np.concatenate([faces, np.stack([ab, bc, ca], axis=1)])
        points, rest, places = (
            np.concatenate([values, values[unique].mean(axis=1)]) for values in (self.points, self.rest, self.places)
        )
        return Mesh(points=points, rest=rest, places=places, faces=faces)

    def cut(self, field: Floats) -> Mesh:
        """Only where a field is above 0; triangles on the line are cut along it.

        Args:
            field: V, linear over each triangle.
        """
        above = field > 0
        count = above[self.faces].sum(axis=1)
        whole = self.faces[count == 3]
        pieces = [whole]
        new: list[tuple[Ints, Ints]] = []
        extra = len(self.points)
        for wanted in (1, 2):
            faces = self.faces[count == wanted]
            # Turn every triangle so that its odd corner is the first.
            odd = (above[faces] if wanted == 1 else ~above[faces]).argmax(axis=1)
            first, second, third = (faces[np.arange(len(faces)), (odd + k) % 3] for k in range(3))
            one, other = extra + np.arange(len(faces)), extra + len(faces) + np.arange(len(faces))
            new += [(first, second), (first, third)]
            extra += 2 * len(faces)
            if wanted == 1:
                pieces.append(np.stack([first, one, other], axis=1))
            else:
                pieces += [np.stack([one, second, third], axis=1), np.stack([one, third, other], axis=1)]
        start, end = (np.concatenate([pair[k] for pair in new]) for k in (0, 1))
        share = (field[start] / np.where(field[start] == field[end], 1, field[start] - field[end]))[:, None]
        points, rest, places = (
            np.concatenate([values, values[start] + share * (values[end] - values[start])])
            for values in (self.points, self.rest, self.places)
        )
        return _compact(points, rest, places, np.concatenate(pieces))


def _compact(points: Floats, rest: Floats, places: Floats, faces: Ints) -> Mesh:
    kept, inverse = np.unique(faces, return_inverse=True)
    return Mesh(points=points[kept], rest=rest[kept], places=places[kept], faces=inverse.reshape(faces.shape))
