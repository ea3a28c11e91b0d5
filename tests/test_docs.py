"""What can be checked of the documentation: commands, options, names, links, snippets, examples and their credits."""

import importlib
import re
import runpy
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import typer
import yaml
from PIL import Image

import nurie
from nurie import cli, colorizer
from nurie.lab.cli import app as lab_app
from nurie.lab.corpora import contents
from nurie.lab.training.recipes import find_recipe
from nurie.painting.flats import Flats
from nurie.painting.rules import RULES

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/drawing.png"))
#: An artist's first pages, in the order in which they are read.
ARTISTS = ("first-steps.md", "palettes-corrections-layers.md")
NO_SHARE_ALIKE = re.compile(r"BY-?\s?SA|BY-?\s?NC|GPL")


def command_lines(page: Path) -> list[str]:
    """Lines of a page's code blocks, fenced or indented, that call nurie; continued lines are joined."""
    text = re.sub(r"\\\n\s*", " ", page.read_text("utf-8"))
    fenced = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    indented = re.findall(r"^    (.+)$", text, re.MULTILINE)
    lines = [line.strip() for block in [*fenced, *indented] for line in block.splitlines()]
    return [line.removeprefix(".venv/bin/") for line in lines if re.match(r"(\.venv/bin/)?nurie ", line)]


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


LINES = [(name, line) for name, page in zip(NAMES, PAGES, strict=True) for line in command_lines(page)]


def find_command(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that a line calls, and the words behind its name."""
    app = lab_app if words[0] == "lab" else cli.app
    names = words[1:] if words[0] == "lab" else words
    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        assert names and names[0] in command.commands, (
            f"no command {names[:1]}; there are: {', '.join(command.commands)}"
        )
        command, names = command.commands[names[0]], names[1:]
    return command, names


@pytest.mark.parametrize(("page", "line"), LINES, ids=[f"{page}: {line[:60]}" for page, line in LINES])
def test_commands_and_their_options_exist(page: str, line: str) -> None:
    command, words = find_command(shlex.split(line, comments=True)[1:])
    known = {option for parameter in command.params for option in parameter.opts}
    options = {word.split("=")[0] for word in words if word.startswith("-")}
    assert options <= known, f"{page}: {options - known} of `{line}` are not among {sorted(known)}"


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{page}" for page in ARTISTS), "docs/troubleshooting.md"])
def test_options_that_artists_are_given_exist(page: str) -> None:
    command, _ = find_command(["colorize"])
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    spans = re.findall(r"`([^`\n]+)`", (ROOT / page).read_text("utf-8"))
    options = {option for span in spans for option in re.findall(r"(?<!\S)--?[a-z][a-z-]*", span)}
    assert len(options) > 3
    assert options <= known, f"{page}: {options - known} are not among {sorted(known)}"


def test_the_pages_show_commands() -> None:
    assert {line.split()[1] for _, line in LINES} == {"colorize", "lab"}
    assert {line.split()[2] for _, line in LINES if line.split()[1] == "lab"} >= {
        "corpus",
        "train",
        "export",
        "evaluate",
    }


def test_recipes_that_are_named_exist() -> None:
    rows = re.findall(r"^\| (`[\w`, -]+`) \|", (ROOT / "docs/training.md").read_text("utf-8"), re.MULTILINE)
    names = [name for row in rows for name in re.findall(r"`([\w-]+)`", row)]
    assert len(names) >= 4
    for name in names:
        assert find_recipe(name).is_file()


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if not target.startswith(("http://", "https://", "#")):
            assert (page.parent / target.split("#")[0]).exists(), f"{page.name} links to {target}, which is not there"


def find_name(dotted: str) -> Any:
    """What a dotted name stands for: a module, or a name in the last module on its way."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        try:
            found = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if not f"{name}.".startswith(f"{error.name}."):
                raise
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(dotted)


# History keeps the names of its day.
@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name)
def test_dotted_names_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    for dotted in set(re.findall(r"(?<![\w./-])nurie(?:\.\w+)+", text)) - {"nurie.json", "nurie.commands"}:
        find_name(dotted)
    owners = {name: getattr(nurie, name) for name in nurie.__all__}
    owners |= {"result": nurie.Colorization, "colorizer": nurie.Colorizer, "Flats": Flats}
    for owner, name in set(re.findall(rf"(?<![\w./])({'|'.join(owners)})\.(?!py\b)([a-z]\w+)", text)):
        assert hasattr(owners[owner], name) or name in owners[owner].__annotations__, f"{owner} has no {name}"


def test_the_map_of_the_house_names_what_is_there() -> None:
    named = set(re.findall(r"`([\w./-]*(?:/|\.py))`", (ROOT / "docs/contributing.md").read_text("utf-8")))
    assert len(named) > 40
    for path in named:
        places = (
            "",
            "src/nurie",
            "src/nurie/lab",
            "src/nurie/lab/models/fusion",
            "src/nurie/painting/gaps",
            "src/nurie/layers",
        )
        assert any((ROOT / place / path).exists() for place in places), path
    rooms = {f"{path.parent.name}/" for path in ROOT.glob("src/nurie/*/__init__.py")} - {"lab/"}
    assert rooms <= named


def nav_pages(entries: list[Any]) -> Iterator[str]:
    """All pages of a nav, whatever they are called and however deep they lie."""
    for entry in entries:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        yield from nav_pages(value) if isinstance(value, list) else [value]


def test_every_page_is_in_the_nav_once() -> None:
    listed = list(nav_pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]))
    assert sorted(listed) == sorted(str(page.relative_to(ROOT / "docs")) for page in ROOT.glob("docs/**/*.md"))


def test_what_the_reference_shows_exists() -> None:
    shown = [
        name
        for page in ROOT.glob("docs/api/*.md")
        for name in re.findall(r"^::: (\S+)$", page.read_text("utf-8"), re.M)
    ]
    assert len(shown) > 10
    for name in shown:
        find_name(name)


def test_every_rule_is_explained_to_artists() -> None:
    text = (ROOT / "docs/troubleshooting.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) - {"rule"} == set(RULES)


SNIPPETS = [
    pytest.param(snippet, id=f"{page.name}-{number}")
    for page in (ROOT / "README.md", ROOT / "docs/python.md")
    for number, snippet in enumerate(re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL))
]


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_python_snippets_run(snippet: str, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = np.full((97, 131), 255, np.uint8)
    page[11, 7:119] = 0
    Image.fromarray(page).save(tmp_path / "page.png")
    for name, color in (("hero", (200, 30, 40)), ("hero-2", (30, 60, 200))):
        Image.new("RGB", (67, 61), color).save(tmp_path / f"{name}.png")
    monkeypatch.setattr(colorizer.hub, "model_folder", lambda model, cache_dir: model_folder)
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet.replace("(120, 80)", "(101, 83)"), "snippet", "exec"), {})
    assert size_of(tmp_path / "coloured.png") == (131, 97)


def test_the_first_steps_can_be_taken_one_after_another(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = np.full((613, 631), 255, np.uint8)
    page[311] = 0
    drawings = ["drawing.png", "chapter/page2.png", "chapter/page7.png", "examples/page/drawing.png"]
    colors = ["reference.png", "hero.png", "cast/hero.png", "examples/page/references/1.png"]
    for name in [*drawings, *colors]:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(page if name in drawings else np.full((61, 67, 3), (200, 30, 40), np.uint8)).save(name)
    Path("examples/beast").mkdir()
    shutil.copy(ROOT / "examples/beast/sunset.gpl", "examples/beast")
    lines = [line for page in ARTISTS for line in command_lines(ROOT / "docs" / page)]
    assert len(lines) > 10
    for line in lines:
        with pytest.raises(SystemExit) as stopped:
            cli.main([*shlex.split(line, comments=True)[1:], "--model", str(model_folder), "--threads", "1"])
        assert not stopped.value.code, line


def test_the_readme_is_short_and_shows_a_picture_and_a_result_early() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert len(lines) <= 120
    top = lines[:30]
    assert any(line.startswith("![") for line in top)
    assert any("make colorize" in line for line in top)
    assert "```python" in top and top[top.index("```python") :].count("```") == 1


def test_numbers_have_their_places() -> None:
    for page, name in (("palette", "palette table"), ("timings", "timings")):
        text = (ROOT / f"docs/results/{page}.md").read_text("utf-8")
        assert re.search(rf"<!-- {name}: begin .*?-->.*<!-- {name}: end -->", text, re.DOTALL)


def test_the_readme_has_the_numbers_that_were_printed() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    said = re.search(r"## How well, how fast\n(.*?)\n## ", text, re.DOTALL)
    printed = {page: (ROOT / f"docs/results/{page}.md").read_text("utf-8") for page in ("palette", "timings")}
    assert said is not None
    shares = re.findall(r"([\d.]+) %", said[1])
    assert len(shares) == 2
    for share, row in zip(shares, ("seen", "reserved"), strict=True):
        assert re.search(rf"^\| {row} \| page \|.*\| {re.escape(share)} ± ", printed["palette"], re.MULTILINE)
    (seconds,) = re.findall(r"([\d.]+ s) on two threads", said[1])
    assert re.search(rf"^\| 2000 x 3000 .*\| {re.escape(seconds)} \|", printed["timings"], re.MULTILINE)


@pytest.mark.parametrize("target", ["colorize", "test", "lint", "format", "docs", "examples", "figures", "clean"])
def test_make_knows_its_targets(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_make_colorize_colors_every_example() -> None:
    done = subprocess.run(["make", "--dry-run", "colorize"], cwd=ROOT, capture_output=True, text=True)
    for example in EXAMPLES:
        assert re.search(rf"\b{example.name}\b", done.stdout)


def test_there_are_enough_examples() -> None:
    assert len(EXAMPLES) >= 4
    files = list(ROOT.glob("examples/**/*.png"))
    assert sum(path.stat().st_size for path in files) < 1_000_000
    assert len({size_of(example / "drawing.png") for example in EXAMPLES}) >= 3


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])
def test_examples_have_references_and_a_license(example: Path) -> None:
    assert list((example / "references").glob("*.png"))
    credits = (ROOT / "examples" / "CREDITS.md").read_text("utf-8")
    line = re.search(rf"^\* \*\*{example.name}\*\*.*?(?=^\* \*\*|^The MIT|\Z)", credits, re.DOTALL | re.MULTILINE)
    assert line is not None, f"examples/CREDITS.md does not name {example.name}"
    assert re.search(r"CC0|CC BY 4\.0|MIT|Apache-2\.0|public domain", line[0])
    assert not NO_SHARE_ALIKE.search(line[0])


def test_all_that_the_weights_were_trained_on_is_credited() -> None:
    """The committed lists are those that ``make credits`` writes, of sources whose licences allow it."""
    script = runpy.run_path(str(ROOT / "tools" / "make_credits.py"))
    assert set(script["RECIPES"]) == {path.stem for path in find_recipe("shipped").parent.glob("shipped*.yaml")}
    for path, marks in script["LISTS"].items():
        text = path.read_text("utf-8")
        assert script["with_list"](text, *marks) == text, f"{path.name} is not what make credits writes"
    for source in script["sources"]():
        credit = contents.credit(source)
        assert credit is not None and re.search(r"https?://|openclipart", credit), source
        assert re.search(r"CC0|CC BY 4\.0|MIT|Apache-2\.0|public domain", credit) and not NO_SHARE_ALIKE.search(credit)
