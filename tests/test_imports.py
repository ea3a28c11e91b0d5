"""A file imports only what stands above it, and the root half never imports the lab."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nurie

ROOT = Path(nurie.__file__).parent

# The layout, top to bottom. A package is one line: inside it, its own files may import each other, above or below.
ORDER = [
    "errors",
    "renamed",
    "raster",
    "files",
    "seeing",
    "model",
    "painting",
    "layers",
    "references",
    "explanation",
    "colorization",
    "colorizer",
    "cli",
    "__main__",
    "lab.terminal",
    "lab.precision",
    "lab.batch",
    "lab.augment",
    "lab.corpora",
    "lab.data",
    "lab.models",
    "lab.packing",
    "lab.graphs",
    "lab.from_graphs",
    "lab.weights",
    "lab.training",
    "lab.recipes",
    "lab.evaluation",
    "lab.analysis",
    "lab.reproduce",
    "lab.export",
    "lab.cli",
]
LAB_ONLY = {
    "torch",
    "lightning",
    "torchmetrics",
    "onnx",
    "safetensors",
    "h5py",
    "skimage",
    "scipy",
    "matplotlib",
}


def place(module: str) -> str:
    """The line of ORDER that a module under nurie belongs to; "" for the package files nurie and nurie.lab."""
    parts = module.split(".")[1:]
    if parts[:1] == ["lab"]:
        return ".".join(parts[:2]) if len(parts) > 1 else ""
    return parts[0] if parts else ""


def module_of(path: Path) -> str:
    parts = ("nurie", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split(".")[1:])
    return path.is_dir() or path.with_suffix(".py").is_file()


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere in it, full names."""
    package = module_of(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package[: len(package) - node.level + 1], node.module or ""]).rstrip(".")
            base = base if node.level else str(node.module)
            # `from nurie import image` imports a module, `from nurie.files.image import read` a name in one.
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield whole if base.split(".")[0] == "nurie" and is_module(whole) else base


FILES = sorted(path for path in ROOT.rglob("*.py") if "weights" not in path.relative_to(ROOT).parts[:1])


@pytest.mark.parametrize("path", FILES, ids=[module_of(path) for path in FILES])
def test_a_file_imports_only_what_stands_above_it(path: Path) -> None:
    own = place(module_of(path))
    if not own:
        return
    assert own in ORDER, f"{module_of(path)} has no line in the layout: add it to ORDER (and to the design)"
    for name in imported(path):
        if name.split(".")[0] == "nurie" and place(name) not in ("", own):
            assert ORDER.index(place(name)) < ORDER.index(own), f"{module_of(path)} imports {name}, which is below it"


@pytest.mark.parametrize("path", FILES, ids=[module_of(path) for path in FILES])
def test_the_root_never_imports_the_lab(path: Path) -> None:
    if module_of(path).startswith("nurie.lab"):
        return
    names = set(imported(path))
    assert not [name for name in names if name == "nurie.lab" or name.startswith("nurie.lab.")]
    assert not {name.split(".")[0] for name in names} & LAB_ONLY


def test_the_reader_of_imports_sees_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = ROOT / "colorizer.py"
    code = "import os.path\nfrom nurie import colorizer\nfrom nurie.errors import InputError\nfrom . import seeing\n"
    code += "from .painting.flats import Flats\ndef f():\n    import torch.nn\n"
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: code)
    assert set(imported(source)) == {
        "os.path",
        "nurie.colorizer",
        "nurie.errors",
        "nurie.seeing",
        "nurie.painting.flats",
        "torch.nn",
    }


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import nurie", LAB_ONLY | {"numpy", "cv2", "PIL", "onnxruntime", "huggingface_hub", "typer"}),
        ("from nurie import Colorizer", LAB_ONLY | {"onnxruntime", "huggingface_hub", "typer", "rich"}),
    ],
)
def test_importing_nurie_is_light(statement: str, unwanted: set) -> None:
    script = f"{statement}\nimport sys\nfound = {unwanted!r} & set(sys.modules)\nsys.exit(str(found) if found else 0)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
