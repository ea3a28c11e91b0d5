"""Models in glTF 2.0's binary form (GLB, VRM): meshes with skins, poses, and one texture.

Only what a figure needs is read: triangles with positions, texture places, joints and weights; the node tree;
inverse bind matrices; base colour textures; animations of translation, rotation and scale, by their values at a time.
Khronos glTF 2.0 specification, https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nurie.errors import DataError
from nurie.lab.corpora.modelled.raster import Floats, Ints

_TYPES = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_LARGEST = {5120: 127, 5121: 255, 5122: 32767, 5123: 65535}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass(frozen=True, kw_only=True)
class Surface:
    """One primitive of a mesh."""

    node: int
    """Which node it hangs on."""
    name: str
    """Of that node."""
    points: Floats
    """V x 3, in the node's own frame."""
    places: Floats
    """V x 2, in the texture, y downwards."""
    faces: Ints
    """F x 3."""
    image: int
    """Which texture; -1 for none."""
    skin: int
    """Which skin; -1 where it is moved by its node alone."""
    joints: Ints
    """V x 4, numbers in the skin; zeros without one."""
    weights: Floats
    """V x 4; zeros without a skin."""


@dataclass(frozen=True, kw_only=True)
class Turns:
    """What a pose says of one node; None leaves it as it is at rest."""

    translation: Floats | None = None
    rotation: Floats | None = None
    """As a quaternion x, y, z, w."""
    scale: Floats | None = None


class Model:
    """A GLB.

    Args:
        data: the file.
        name: for errors.

    Attributes:
        names: of the nodes.
        parents: of the nodes, -1 for roots.
        surfaces: what can be seen.
        skins: for each skin, its nodes and their inverse bind matrices (J x 4 x 4).
        images: textures, H x W x 3, RGB.
        animations: name -> number.

    Raises:
        DataError: not a GLB, damaged, or with parts that it refers to and does not have.
    """

    def __init__(self, data: bytes, name: str) -> None:
        """Read everything but the animations' values."""
        self.name = name
        try:
            self._tree, self._binary = _chunks(data)
            nodes = self._tree["nodes"]
            self.names = [str(node.get("name", f"node {number}")) for number, node in enumerate(nodes)]
            self.parents = [-1] * len(nodes)
            for number, node in enumerate(nodes):
                for child in node.get("children", ()):
                    self.parents[child] = number
            self._rest = [_rest(node) for node in nodes]
            self.skins = [
                (list(skin["joints"]), self._array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1))
                for skin in self._tree.get("skins", ())
            ]
            self.images = [self._image(image) for image in self._tree.get("images", ())]
            self.surfaces = [s for number in range(len(nodes)) for s in self._surfaces(number)]
            self.animations = {str(a.get("name", n)): n for n, a in enumerate(self._tree.get("animations", ()))}
        except DataError:
            raise
        except (KeyError, IndexError, TypeError, ValueError, struct.error) as error:
            raise DataError(f"{name} is not a whole GLB model: {type(error).__name__} {error}.") from error

    def _array(self, accessor: int) -> NDArray[Any]:
        entry = self._tree["accessors"][accessor]
        view = self._tree["bufferViews"][entry["bufferView"]]
        kind, width, count = np.dtype(_TYPES[entry["componentType"]]), _WIDTHS[entry["type"]], entry["count"]
        start = view.get("byteOffset", 0) + entry.get("byteOffset", 0)
        stride = view.get("byteStride", kind.itemsize * width)
        if start + stride * (count - 1) + kind.itemsize * width > len(self._binary):
            raise DataError(f"{self.name} ends before its data does; it is cut off. Get the file again.")
        flat = np.ndarray((count, width), kind, self._binary, start, (stride, kind.itemsize))
        if entry.get("normalized"):
            return np.maximum(flat / _LARGEST[entry["componentType"]], -1.0)
        return np.array(flat)

    def _image(self, image: dict[str, Any]) -> NDArray[np.uint8]:
        view = self._tree["bufferViews"][image["bufferView"]]
        start = view.get("byteOffset", 0)
        data = np.frombuffer(self._binary[start : start + view["byteLength"]], np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
        if picture is None:
            raise DataError(f"{self.name}: its texture {image.get('name', '')!r} is damaged.")
        return np.ascontiguousarray(picture[..., ::-1]).astype(np.uint8, copy=False)

    def _surfaces(self, number: int) -> list[Surface]:
        node = self._tree["nodes"][number]
        if "mesh" not in node:
            return []
        found = []
        for primitive in self._tree["meshes"][node["mesh"]]["primitives"]:
            has = primitive["attributes"]
            points = self._array(has["POSITION"]).astype(np.float64)
            count, skin = len(points), node.get("skin", -1)
            faces = self._array(primitive["indices"]) if "indices" in primitive else np.arange(count)
            if skin >= 0 and not {"JOINTS_0", "WEIGHTS_0"} <= set(has):
                raise DataError(f"{self.name}: {self.names[number]} has a skin but no joints and weights.")
            joints = self._array(has["JOINTS_0"]).astype(np.int64) if skin >= 0 else np.zeros((count, 4), np.int64)
            if skin >= 0 and joints.max() >= len(self.skins[skin][0]):
                raise DataError(f"{self.name}: {self.names[number]} names joint {joints.max()}, which its skin lacks.")
            texture = self._texture(primitive)
            places = self._array(has["TEXCOORD_0"]) if "TEXCOORD_0" in has else np.zeros((count, 2))
            found.append(
                Surface(
                    node=number,
                    name=self.names[number],
                    points=points,
                    places=places.astype(np.float64),
                    faces=faces.astype(np.int64).reshape(-1, 3),
                    image=texture,
                    skin=skin,
                    joints=joints,
                    weights=self._array(has["WEIGHTS_0"]).astype(np.float64) if skin >= 0 else np.zeros((count, 4)),
                )
            )
        return found

    def _texture(self, primitive: dict[str, Any]) -> int:
        if "material" not in primitive:
            return -1
        material = self._tree["materials"][primitive["material"]]
        texture = material.get("pbrMetallicRoughness", {}).get("baseColorTexture")
        return -1 if texture is None else int(self._tree["textures"][texture["index"]]["source"])

    def pose_at(self, animation: str, share: float) -> dict[int, Turns]:
        """What an animation says of its nodes at a share of its length.

        Raises:
            DataError: no such animation; the choices are listed.
        """
        if animation not in self.animations:
            raise DataError(f"{self.name} has no animation {animation!r}; it has: {', '.join(self.animations)}.")
        entry = self._tree["animations"][self.animations[animation]]
        found: dict[int, dict[str, Floats]] = {}
        for channel in entry["channels"]:
            sampler, path = entry["samplers"][channel["sampler"]], channel["target"]["path"]
            if path not in ("translation", "rotation", "scale") or sampler.get("interpolation") == "CUBICSPLINE":
                continue
            times = self._array(sampler["input"])[:, 0]
            values = self._array(sampler["output"]).astype(np.float64)
            moment = times[0] + share * (times[-1] - times[0])
            after = int(np.clip(np.searchsorted(times, moment), 0, len(times) - 1))
            found.setdefault(channel["target"]["node"], {})[path] = values[after]
        return {node: Turns(**turns) for node, turns in found.items()}

    def globals(self, pose: Mapping[int, Turns] = MappingProxyType({})) -> Floats:
        """Each node's frame in the world, N x 4 x 4."""
        local = [_matrix(rest, pose.get(number)) for number, rest in enumerate(self._rest)]
        world: dict[int, Floats] = {}

        def of(number: int) -> Floats:
            if number not in world:
                parent = self.parents[number]
                world[number] = local[number] if parent < 0 else of(parent) @ local[number]
            return world[number]

        return np.stack([of(number) for number in range(len(local))])

    def posed(self, surface: Surface, world: Floats) -> Floats:
        """A surface's points in the world, V x 3.

        Args:
            surface: one of this model's.
            world: from ``globals``.
        """
        points = np.concatenate([surface.points, np.ones((len(surface.points), 1))], axis=1)
        if surface.skin < 0:
            return np.asarray((points @ world[surface.node].T)[:, :3])
        joints, inverse = self.skins[surface.skin]
        moves = (world[joints] @ inverse)[:, :3]
        each = np.einsum("vjab,vb->vja", moves[surface.joints], points)
        return np.asarray((each * surface.weights[..., None]).sum(axis=1))


def _chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    magic, version, _ = struct.unpack_from("<4sII", data)
    if magic != b"glTF" or version != 2:
        raise ValueError("it does not begin as glTF 2.0")
    length = struct.unpack_from("<I", data, 12)[0]
    tree = json.loads(data[20 : 20 + length])
    start = 20 + length
    size = struct.unpack_from("<I", data, start)[0]
    return tree, data[start + 8 : start + 8 + size]


def _rest(node: dict[str, Any]) -> Turns | Floats:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    return Turns(
        translation=np.array(node.get("translation", (0, 0, 0)), np.float64),
        rotation=np.array(node.get("rotation", (0, 0, 0, 1)), np.float64),
        scale=np.array(node.get("scale", (1, 1, 1)), np.float64),
    )


def _matrix(rest: Turns | Floats, pose: Turns | None) -> Floats:
    if not isinstance(rest, Turns):
        return rest
    pose = pose or rest
    move = rest.translation if pose.translation is None else pose.translation
    turn = rest.rotation if pose.rotation is None else pose.rotation
    scale = rest.scale if pose.scale is None else pose.scale
    assert move is not None and turn is not None and scale is not None
    x, y, z, w = turn / np.linalg.norm(turn)
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= scale
    matrix[:3, 3] = move
    return matrix


def read_model(path: Path) -> Model:
    """Read a GLB or VRM.

    Raises:
        DataError: it cannot be read, or see ``Model``.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    return Model(data, path.name)
