"""MakeHuman's body in anime proportions and in a pose, with coordinates along its limbs.

Convention:
    ``limbs`` are coordinates of a point at rest: along the arm (0 at the shoulder, 1 at the wrist, more on the hand;
    below 0 off the arms) and along the leg (0 at the hip, 1 at the ankle; below 0 off the legs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from nurie.errors import DataError
from nurie.lab.corpora.modelled.raster import Floats, Ints
from nurie.lab.corpora.modelled.source import MakeHuman

BODY_POINTS = 13380
"""The base's first points are the body, those after them its helpers: eyes, teeth, sheaths, joints."""
NECK = "neck02"
"""Above this joint the body ends: the head is our own."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a body looks like."""

    sex: str
    """"female" or "male"."""
    slim: float
    """0 as MakeHuman has it to 1 for its least weight and muscle."""
    legs: float
    """Length of the legs beside MakeHuman's."""
    broad: float
    """Width of the trunk beside MakeHuman's."""
    heads: float
    """Height of the figure in heads, 2.5 to 8."""


class Body:
    """A body at rest and posed.

    Args:
        files: of MakeHuman.
        shape: what it looks like.
        pose: turns of joints (see ``parse_bvh``).

    Attributes:
        rest: V x 3, the base's points at rest, decimetres.
        limbs: V x 2, see the module.
        joints: bone -> its joint at rest.
        frames: bone -> its move from rest to pose, 4 x 4.
        moves: bones x 4 x 4, the same in the skeleton's order.
        head: height of the head, decimetres.

    Raises:
        DataError: the pose turns a joint that the skeleton does not have.
    """

    def __init__(self, files: MakeHuman, shape: Shape, pose: Mapping[str, Floats]) -> None:
        """Shape and pose."""
        self.files, self.shape = files, shape
        skeleton = files.skeleton
        unknown = sorted(set(pose) - set(skeleton.names))
        if unknown:
            raise DataError(f"The pose turns {', '.join(unknown)}, which the skeleton does not have.")
        self.rest = _shaped(files, shape)
        joints = skeleton.joints(self.rest)
        self.joints = dict(zip(skeleton.names, joints, strict=True))
        height = self.joints[NECK][1] - self.rest[:BODY_POINTS, 1].min()
        self.head = height / (shape.heads - 0.9)
        self.limbs = self._along(self.rest)
        self.moves = np.zeros((len(joints), 4, 4))
        for number, (name, parent) in enumerate(zip(skeleton.names, skeleton.parents, strict=True)):
            own = np.eye(4)
            own[:3, :3] = pose.get(name, np.eye(3))
            own[:3, 3] = joints[number] - own[:3, :3] @ joints[number]
            self.moves[number] = own if parent < 0 else self.moves[parent] @ own
        self.frames = dict(zip(skeleton.names, self.moves, strict=True))

    def posed(self, points: Floats, weights: csr_matrix) -> Floats:
        """Points moved with the bones, V x 3.

        Args:
            points: at rest.
            weights: V x bones.
        """
        moves = np.asarray(weights @ self.moves[:, :3].reshape(len(self.moves), 12)).reshape(-1, 3, 4)
        return np.asarray(np.einsum("vab,vb->va", moves[..., :3], points) + moves[..., 3])

    def _along(self, points: Floats) -> Floats:
        arm, leg = np.full(len(points), -1.0), np.full(len(points), -1.0)
        weights = self.files.skeleton.weights
        names = self.files.skeleton.names
        for side in ("L", "R"):
            for chain, out, words in (
                (("upperarm01", "lowerarm01", "wrist"), arm, ("upperarm", "lowerarm", "wrist", "finger", "metacarpal")),
                (("upperleg01", "lowerleg01", "foot"), leg, ("upperleg", "lowerleg", "foot", "toe")),
            ):
                own = [n for n, name in enumerate(names) if name.startswith(words) and name.endswith(side)]
                share = np.asarray(weights[:, own].sum(axis=1)).ravel()
                a, b, c = (self.joints[f"{bone}.{side}"] for bone in chain)
                upper = ((points - a) @ (b - a)) / ((b - a) @ (b - a)) / 2
                lower = 0.5 + ((points - b) @ (c - b)) / ((c - b) @ (c - b)) / 2
                along = np.where(upper < 0.5, upper, np.maximum(lower, 0.5))
                out[:] = np.where(share > 0.5, along, out)
        return np.stack([arm, leg], axis=1)

    def vertices(self, *groups: str) -> tuple[Ints, Ints]:
        """Points of groups of the base, and their triangles among these points."""
        base = self.files.base
        faces = base.faces[np.isin(base.group, groups)]
        kept, inverse = np.unique(faces, return_inverse=True)
        return kept, inverse.reshape(faces.shape)


def _shaped(files: MakeHuman, shape: Shape) -> Floats:
    base = files.base.points.copy()
    sex, slim = shape.sex, shape.slim
    base += files.shapes[f"macrodetails/caucasian-{sex}-young"]
    universal = f"macrodetails/universal-{sex}-young-"
    base += (1 - slim) * files.shapes[f"{universal}averagemuscle-averageweight"]
    base += slim * files.shapes[f"{universal}minmuscle-minweight"]
    joints = dict(zip(files.skeleton.names, files.skeleton.joints(base), strict=True))
    hip = joints["upperleg01.L"][1]
    # Long legs; arms hang in the same frame, so that only what is under the hips and near the middle is stretched.
    near = np.clip((3.4 - np.abs(base[:, 0])) / 0.6, 0, 1) * np.clip((hip - base[:, 1]) / 0.8, 0, 1)
    near = near * near * (3 - 2 * near)
    base[:, 1] += near * (base[:, 1] - hip) * (shape.legs - 1)
    # Narrow or broad trunks; arms move along with the shoulders.
    shoulder = joints["upperarm01.L"][0]
    side = np.sign(base[:, 0]) * np.minimum(np.abs(base[:, 0]), shoulder)
    base[:, 0] += side * (shape.broad - 1) * np.clip((base[:, 1] - hip) / 2 + 1, 0, 1)
    return base
