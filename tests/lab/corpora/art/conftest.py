"""A tiny folder of art in the layout of the real one, with pictures drawn here and a list made for them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from nurie.lab.corpora.art import listing
from nurie.lab.corpora.art.folder import digest
from nurie.lab.corpora.art.listing import ArtPicture

GREEN = (40, 160, 90)
SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">
<circle cx="50" cy="50" r="40" fill="#60b0e0" stroke="#394655" stroke-width="4"/>
<circle cx="50" cy="60" r="20" fill="#f0d080" stroke="#394655" stroke-width="4"/></svg>"""


def figure(height: int, width: int, ground: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """A disc of some colour with a black line around it, smooth at its border."""
    big = np.empty((4 * height, 4 * width, 3), np.uint8)
    big[:] = ground
    center, radius = (2 * width, 2 * height), round(1.2 * min(height, width))
    color = np.random.default_rng(seed).integers(60, 200, 3).tolist()
    cv2.circle(big, center, radius, color, -1)
    cv2.circle(big, center, radius, (0, 0, 0), round(radius / 6))
    return cv2.resize(big, (width, height), interpolation=cv2.INTER_AREA)


def write(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1])
    return path


def listed(root: Path, folder: str, **values) -> ArtPicture:
    """A row of the list for a file that is there."""
    usual = {"box": None, "split": "train", "artist": "Ada", "ground": "white", "group": "one"}
    usual |= {"name": Path(values["file"]).stem, "sha256": digest(root / folder / values["file"])}
    return ArtPicture(**(usual | values))


@pytest.fixture
def art(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder; the list is ``listing.PICTURES`` as long as the test runs."""
    root = tmp_path / "art"
    write(root / "mikanixonable_illusts" / "1.png", figure(701, 907, GREEN))
    write(root / "mikanixonable_illusts" / "2.png", figure(53, 61, (255, 255, 255), seed=1))
    page = np.full((97, 89, 3), 255, np.uint8)
    page[5:47, 7:83] = figure(42, 76, (80, 60, 40), seed=2)
    page[53:91, 7:83] = figure(38, 76, (10, 60, 90), seed=3)
    write(root / "peppercarrot_pages" / "E01P01.png", page)
    write(root / "peppercarrot_pages" / "E02P01.png", page)
    (root / "gophers" / "egonelbre").mkdir(parents=True)
    (root / "gophers" / "egonelbre" / "plain.svg").write_text(SVG)
    pictures = [
        listed(root, "mikanixonable_illusts", source="mikanixonable", file="1.png", group="green", ground="even"),
        listed(root, "mikanixonable_illusts", source="mikanixonable", file="2.png", group="white", split="val"),
        *(
            listed(
                root,
                "peppercarrot_pages",
                source="peppercarrot",
                file=f"{episode}P01.png",
                name=f"{episode}P01-{number}",
                box=box,
                split=split,
                group=episode,
                ground="painted",
            )
            for episode, split in (("E01", "train"), ("E02", "val"))
            for number, box in enumerate(((5, 7, 47, 83), (53, 7, 91, 83)), 1)
        ),
        listed(root, "gophers", source="gophers", file="egonelbre/plain.svg", group="gopher", artist="Egon Elbre"),
    ]
    path = tmp_path / "pictures.tsv"
    listing.write_list(path, pictures)
    monkeypatch.setattr(listing, "PICTURES", path)
    return root
