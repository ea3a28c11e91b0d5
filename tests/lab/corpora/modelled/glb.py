"""Writes small models in glTF 2.0's binary form."""

import json
import struct
from typing import Any

import cv2
import numpy as np

_KINDS = {np.dtype(np.float32): 5126, np.dtype(np.uint16): 5123, np.dtype(np.uint8): 5121}
_TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


class Glb:
    """Collects arrays and writes the file."""

    def __init__(self) -> None:
        self.binary = b""
        self.tree: dict[str, Any] = {"asset": {"version": "2.0"}, "bufferViews": [], "accessors": []}

    def view(self, data: bytes) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        self.tree["bufferViews"].append({"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data)})
        self.binary += data
        return len(self.tree["bufferViews"]) - 1

    def array(self, values: np.ndarray) -> int:
        flat = values.reshape(len(values), -1)
        entry = {
            "bufferView": self.view(values.tobytes()),
            "componentType": _KINDS[values.dtype],
            "count": len(values),
            "type": _TYPES[flat.shape[1]],
        }
        self.tree["accessors"].append(entry)
        return len(self.tree["accessors"]) - 1

    def image(self, picture: np.ndarray) -> int:
        return self.view(cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))[1].tobytes())

    def bytes(self) -> bytes:
        text = json.dumps(self.tree).encode()
        text += b" " * (-len(text) % 4)
        binary = self.binary + b"\0" * (-len(self.binary) % 4)
        whole = 12 + 8 + len(text) + 8 + len(binary)
        head = struct.pack("<4sII", b"glTF", 2, whole)
        chunk = struct.pack("<II", len(binary), 0x4E4942) + binary
        return head + struct.pack("<II", len(text), 0x4E4F534A) + text + chunk


def arm(*, joints: bool = True, joint: int = 1) -> Glb:
    """A strip of two triangles from x = 0 to 2 whose far end hangs on a second joint at x = 1."""
    glb = Glb()
    points = np.array([[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0]], np.float32)
    inverse = np.stack([np.eye(4), np.eye(4)]).astype(np.float32)
    inverse[1, 3, 0] = -1  # columns first, so this is the move to x = -1
    attributes = {
        "POSITION": glb.array(points),
        "TEXCOORD_0": glb.array(points[:, :2] / 2),
    }
    if joints:
        attributes["JOINTS_0"] = glb.array(np.array([[0, 0, 0, 0], [joint, 0, 0, 0]] * 2, np.uint8)[[0, 1, 3, 2]])
        attributes["WEIGHTS_0"] = glb.array(np.array([[1, 0, 0, 0]] * 4, np.float32))
    half = np.sqrt(np.float32(0.5))
    times = glb.array(np.array([0.0, 1.0], np.float32))
    turns = glb.array(np.array([[0, 0, 0, 1], [0, 0, half, half]], np.float32))
    glb.tree |= {
        "nodes": [
            {"name": "strip", "mesh": 0, "skin": 0},
            {"name": "shoulder", "children": [2]},
            {"name": "elbow", "translation": [1, 0, 0]},
        ],
        "meshes": [
            {
                "name": "strip",
                "primitives": [
                    {
                        "attributes": attributes,
                        "indices": glb.array(np.array([0, 1, 2, 0, 2, 3], np.uint16)),
                        "material": 0,
                    }
                ],
            }
        ],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0}],
        "images": [{"bufferView": glb.image(np.full((2, 3, 3), (200, 100, 7), np.uint8)), "name": "colours"}],
        "skins": [{"joints": [1, 2], "inverseBindMatrices": glb.array(inverse)}],
        "animations": [
            {
                "name": "bend",
                "channels": [{"sampler": 0, "target": {"node": 2, "path": "rotation"}}],
                "samplers": [{"input": times, "output": turns}],
            }
        ],
    }
    return glb
