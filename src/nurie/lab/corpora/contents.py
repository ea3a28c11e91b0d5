"""What a corpus is made of: which sources, how many pictures of each, and what is missing to build them."""

from __future__ import annotations

import functools
import json
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from nurie.errors import DataError
from nurie.lab.corpora import animals, cats, clipart, emoji, faces, figures, modelled, openmoji, portraits, renpy
from nurie.lab.corpora.art import folder as art_folder
from nurie.lab.corpora.art import jobs as art_jobs
from nurie.lab.corpora.art import listing as art_listing
from nurie.lab.corpora.art.sources import SOURCES as ART
from nurie.lab.corpora.build import PictureJob, build_source, first_line, write_credits
from nurie.lab.corpora.store import MANIFEST, Entry

ListJobs = Callable[[], list[PictureJob]]
"""Lists the pictures of a source."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many pictures of a generator."""

    train: int = 0
    val: int = 0
    test: int = 0

    def scaled(self, scale: float) -> dict[str, int]:
        """A share of them; of what there is at least one."""
        counts = {"train": self.train, "val": self.val, "test": self.test}
        return {split: max(1, round(count * scale)) if count else 0 for split, count in counts.items()}


PORTRAITS = MappingProxyType(
    {
        style: Counts(train=train, val=40, test=200)
        for style, train in {
            "adventurer": 3500,
            "micah": 2500,
            "open-peeps": 2000,
            "toon-head": 1500,
            "lorelei": 2000,
            "personas": 1500,
            "big-smile": 1500,
            "critters": 600,
        }.items()
    }
    | {
        style: Counts(train=train, val=40)
        for style, train in {
            "dylan": 800,
            "miniavs": 800,
            "cutouts": 1000,
            "sprouts": 1000,
            "clay": 800,
            "voxel-art": 1500,
            "voxel-bot": 800,
        }.items()
    }
    | dict.fromkeys(portraits.RESERVED_STYLES, Counts(test=200))
)
ANIMALS = Counts(train=1500, val=40, test=200)
CATS = Counts(train=1500, val=40, test=200)
FACES = Counts(train=2000, val=40)
FIGURES = Counts(train=4000, val=100, test=200)
MODELLED = Counts(train=20000, val=200)

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "portraits": portraits.TRAINING_STYLES,
        "reserved": portraits.RESERVED_STYLES,
        "animals": (animals.SOURCE,),
        "cats": (cats.SOURCE,),
        "faces": (faces.SOURCE,),
        "figures": (figures.SOURCE,),
        "modelled": (modelled.SOURCE,),
        "emoji": tuple(emoji.SETS),
        "openmoji": (openmoji.SOURCE,),
        "clipart": (clipart.SOURCE,),
        "renpy": (renpy.SOURCE,),
        "art": tuple(ART),
    }
)
"""Group -> its sources. ``--only`` takes either."""


_MODULES = (animals, cats, clipart, faces, figures, modelled, openmoji, renpy)
"""Sources that are one module each."""


def credit(source: str) -> str | None:
    """The line that CREDITS gives a source; None for a source of somebody's own."""
    if source in PORTRAITS:
        return portraits.credits(source)
    if source in emoji.SETS:
        return emoji.SETS[source].credit
    if source in ART:
        return art_listing.credit(source)
    fixed = {module.SOURCE: module.CREDIT for module in _MODULES}
    return fixed.get(source)


@dataclass(frozen=True, kw_only=True)
class CorpusPlan:
    """What to build."""

    jobs: Mapping[str, ListJobs]
    """Source -> a call that lists its pictures."""
    missing: tuple[str, ...]
    """What cannot be built, and how to get what it wants."""
    size: int
    """Width and height of the pictures in pixels."""


def chosen_sources(only: Iterable[str] = ()) -> tuple[str, ...]:
    """The sources that names of groups and sources stand for, in the order of ``GROUPS``; all where there are none.

    Raises:
        DataError: an unknown name; the choices are listed.
    """
    every = [source for sources in GROUPS.values() for source in sources]
    wanted: set[str] = set()
    for name in only:
        if name not in GROUPS and name not in every:
            raise DataError(f"No source {name!r}. Groups: {', '.join(GROUPS)}. Sources: {', '.join(every)}.")
        wanted |= set(GROUPS.get(name, (name,)))
    return tuple(source for source in every if source in wanted or not wanted)


def _package_name(path: Path) -> str:
    try:
        with tarfile.open(path) as archive:
            member = archive.extractfile("package/package.json")
            return str(json.load(member)["name"]) if member is not None else ""
    except (OSError, tarfile.TarError, EOFError, KeyError, ValueError) as error:
        raise DataError(
            f"{path} is not an npm package ({first_line(error)}). Get one with: npm pack @iconify-json/noto"
        ) from error


def plan_corpus(
    only: Iterable[str] = (),
    *,
    size: int = 256,
    scale: float = 1.0,
    seed: int = 0,
    emoji_tarballs: Iterable[Path] = (),
    clipart_path: Path | None = None,
    renpy_paths: Iterable[Path] = (),
    art_path: Path | None = None,
    models_path: Path | None = None,
) -> CorpusPlan:
    """Decide what to build of what is installed and given.

    Args:
        only: names of groups or sources; all when empty.
        size: width and height of the pictures in pixels, 16 or more.
        scale: a share of the recommended numbers.
        seed: of the generators; emoji and clip art are what they are.
        emoji_tarballs: npm packages of emoji sets and of faces, in any order.
        clipart_path: Debian's ``openclipart-svg`` package, or a folder of SVGs.
        renpy_paths: Debian's ``renpy-demo`` and ``renpy-thequestion``, or folders of their pictures.
        art_path: the folder of drawn art, with a sub-folder for each source of it.
        models_path: a folder of models, see ``modelled.files``.

    Raises:
        DataError: an unknown source, a file that is not what it should be, or impossible numbers.
    """
    if size < 16 or scale <= 0:
        raise DataError(f"A corpus wants a size of 16 or more and a scale above 0; got {size} and {scale}.")
    given = {_package_name(path).removeprefix("@iconify-json/"): path for path in emoji_tarballs}
    known = {*emoji.SETS, openmoji.SOURCE, faces.SOURCE}
    for name, path in given.items():
        if name not in known:
            raise DataError(f"{path} is the package {name!r}; known packages: {', '.join(sorted(known))}.")
    jobs: dict[str, ListJobs] = {}
    missing: list[str] = []
    for source in chosen_sources(only):
        drawn = _drawn(source, size=size, scale=scale, seed=seed)
        if source == modelled.SOURCE:
            if models_path is None:
                missing.append(f"{source}: clone {', '.join(modelled.REPOSITORIES)} and give their folder as --models")
            else:
                counts = MODELLED.scaled(scale)
                jobs[source] = functools.partial(modelled.model_jobs, models_path, **counts, seed=seed, size=size)
        elif drawn is None:
            if source in ART:
                found = _art(source, art_path, size=size, scale=scale)
            else:
                found = _found(source, given, clipart_path, tuple(renpy_paths), size=size, scale=scale, seed=seed)
            if isinstance(found, str):
                missing.append(f"{source}: get it with {found}")
            else:
                jobs[source] = found
        elif find_spec(drawn[0]) is None:
            missing.append(f"{source}: the package {drawn[0]} is not installed. Get it: pip install 'nurie[corpora]'")
        else:
            jobs[source] = drawn[1]
    return CorpusPlan(jobs=MappingProxyType(jobs), missing=tuple(missing), size=size)


def _drawn(source: str, *, size: int, scale: float, seed: int) -> tuple[str, ListJobs] | None:
    """The package that draws a generated source, and what lists its pictures; None for any other source."""
    if source in PORTRAITS:
        counts = PORTRAITS[source].scaled(scale)
        return "dicebear", functools.partial(portraits.character_jobs, source, **counts, seed=seed, size=size)
    if source == animals.SOURCE:
        return "animal_avatar", functools.partial(animals.animal_jobs, **ANIMALS.scaled(scale), seed=seed, size=size)
    if source == cats.SOURCE:
        return "robohash", functools.partial(cats.cat_jobs, **CATS.scaled(scale), seed=seed, size=size)
    if source == figures.SOURCE:
        return "pyvips", functools.partial(figures.figure_jobs, **FIGURES.scaled(scale), seed=seed, size=size)
    return None


def _found(
    source: str,
    given: Mapping[str, Path],
    clipart_path: Path | None,
    renpy_paths: tuple[Path, ...],
    *,
    size: int,
    scale: float,
    seed: int,
) -> ListJobs | str:
    """What lists the pictures of a source that is read from files, or how to get the files."""
    if source == clipart.SOURCE:
        if clipart_path is None:
            return "`apt-get download openclipart-svg` and give it as --clipart FILE"
        return functools.partial(clipart.clipart_jobs, clipart_path, size=size, scale=scale)
    if source == renpy.SOURCE:
        if not renpy_paths:
            return f"`apt-get download {' '.join(renpy.PACKAGES)}` and give each as --renpy FILE"
        return functools.partial(renpy.figure_jobs, renpy_paths)
    if source not in given:
        package = source if source in (openmoji.SOURCE, faces.SOURCE) else f"@iconify-json/{source}"
        return f"`npm pack {package}` and give it as --emoji-tarball FILE"
    if source == openmoji.SOURCE:
        return functools.partial(openmoji.openmoji_jobs, given[source], size=size, scale=scale)
    if source == faces.SOURCE:
        return functools.partial(faces.face_jobs, given[source], **FACES.scaled(scale), seed=seed, size=size)
    return functools.partial(_emoji_jobs, given[source], size=size, scale=scale)


def _art(source: str, root: Path | None, *, size: int, scale: float) -> ListJobs | str:
    """What lists the pictures of a source of drawn art, whose files are checked at once; or how to get the files."""
    if root is None:
        return art_folder.how_to_get(source)
    pictures = art_listing.of_source(source)
    files = art_folder.find_files(root, source, pictures)
    return functools.partial(art_jobs.art_jobs, files, source, pictures, size=size, scale=scale)


def _emoji_jobs(path: Path, *, size: int, scale: float) -> list[PictureJob]:
    return emoji.emoji_jobs(emoji.read_tarball(path), size=size, scale=scale)


def build_corpus(
    root: Path,
    plan: CorpusPlan,
    *,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, list[Entry]]:
    """Build what is planned, then CREDITS for all that the folder holds.

    Args:
        root: the corpus folder; what it holds already is kept.
        plan: from ``plan_corpus``.
        workers: processes; all cores when None.
        progress: called with (source, done, of all).

    Returns:
        Source -> the rows of its manifest.

    Raises:
        DataError: nothing to build, or see ``build.build_source``.
    """
    if not plan.jobs:
        raise DataError("Nothing to build:\n" + "\n".join(plan.missing))
    for source in ART:
        art_listing.check_corpus(root, source)
    rows: dict[str, list[Entry]] = {}
    for source, jobs in plan.jobs.items():
        report = functools.partial(progress, source) if progress is not None else None
        settings: dict[str, object] = {"size": plan.size}
        if source in ART:
            settings["pictures"] = art_listing.fingerprint(art_listing.of_source(source))
        rows[source] = build_source(root, source, jobs(), workers=workers, settings=settings, progress=report)
    found = sorted(path.parent.name for path in root.glob(f"*/{MANIFEST}"))
    write_credits(root, {source: line for source in found if (line := credit(source)) is not None})
    return rows
