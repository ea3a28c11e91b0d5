"""Documentation that can be checked is checked: commands, options, links, the snippet, examples and their credits."""

import re
import runpy
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import numpy as np
import pytest
import typer
from PIL import Image

from nurie import cli, colorizer
from nurie.lab.cli import app as lab_app
from nurie.lab.corpora import recipe
from nurie.lab.training.train import find_recipe

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.md")])
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/drawing.png"))
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


LINES = [(page.name, line) for page in PAGES for line in command_lines(page)]


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


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if not target.startswith(("http://", "https://", "#")):
            assert (page.parent / target.split("#")[0]).exists(), f"{page.name} links to {target}, which is not there"


def test_the_python_snippet_runs(model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    page = np.full((97, 131), 255, np.uint8)
    page[11, 7:119] = 0
    Image.fromarray(page).save(tmp_path / "page.png")
    for name, color in (("hero", (200, 30, 40)), ("hero-2", (30, 60, 200))):
        Image.new("RGB", (67, 61), color).save(tmp_path / f"{name}.png")
    monkeypatch.setattr(colorizer.hub, "model_folder", lambda model, cache_dir: model_folder)
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet.replace("(120, 80)", "(101, 83)"), "README.md", "exec"), {})
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
    lines = command_lines(ROOT / "docs/first-steps.md")
    assert len(lines) > 10
    for line in lines:
        with pytest.raises(SystemExit) as stopped:
            cli.main([*shlex.split(line, comments=True)[1:], "--model", str(model_folder), "--threads", "1"])
        assert not stopped.value.code, line


def test_the_readme_shows_a_picture_and_a_result_early() -> None:
    top = (ROOT / "README.md").read_text("utf-8").splitlines()[:30]
    assert any(line.startswith("![") for line in top)
    assert any("make colorize" in line for line in top)


def test_numbers_have_their_places() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    for name in ("palette table", "timings"):
        assert re.search(rf"<!-- {name}: begin .*?-->.*<!-- {name}: end -->", text, re.DOTALL)


@pytest.mark.parametrize("target", ["colorize", "test", "lint", "format", "examples", "figures", "clean"])
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
    script = runpy.run_path(str(ROOT / "docs" / "make_credits.py"))
    assert set(script["RECIPES"]) == {path.stem for path in find_recipe("shipped").parent.glob("shipped*.yaml")}
    for path, marks in script["LISTS"].items():
        text = path.read_text("utf-8")
        assert script["with_list"](text, *marks) == text, f"{path.name} is not what make credits writes"
    for source in script["sources"]():
        credit = recipe.credit(source)
        assert credit is not None and re.search(r"https?://|openclipart", credit), source
        assert re.search(r"CC0|CC BY 4\.0|MIT|Apache-2\.0|public domain", credit) and not NO_SHARE_ALIKE.search(credit)
