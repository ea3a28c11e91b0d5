"""Write anew who is to be named for the shipped weights: in CREDITS.md and in the weights' LICENSE.

The sources are those of the recipes that the weights were trained by; what is said of each is ``contents.credit``,
which a corpus' own CREDITS.md has too.
"""

import re
from pathlib import Path

from nurie.lab.corpora.contents import credit
from nurie.lab.training.recipes import read_recipe

RECIPES = ("shipped",)
"""In the order of the trainings."""
ROOT = Path(__file__).resolve().parent.parent
LISTS = {
    ROOT / "CREDITS.md": ("<!-- sources: begin (make credits) -->\n", "<!-- sources: end -->\n", "* **{}**: {}\n"),
    ROOT / "src/nurie/weights/LICENSE": ("licences ask.\n\n", "\nThe pictures were recombined", "  {}: {}\n"),
}
"""File -> what stands before and after the list, and what a line of it looks like."""


def sources() -> list[str]:
    """All sources of all recipes, in their order."""
    return list(dict.fromkeys(source for name in RECIPES for source in read_recipe(name)["data"]["sources"]))


def with_list(text: str, before: str, after: str, line: str) -> str:
    """The text with the list between the two marks."""
    lines = "".join(line.format(source, credit(source)) for source in sources())
    pattern = re.compile(f"(?<={re.escape(before)}).*?(?={re.escape(after)})", re.DOTALL)
    changed, count = pattern.subn(lambda _: lines, text)
    if count != 1:
        raise ValueError(f"{before!r} ... {after!r} should stand there once, not {count} times.")
    return changed


def main() -> None:
    """Write both files."""
    for path, marks in LISTS.items():
        path.write_text(with_list(path.read_text("utf-8"), *marks), "utf-8")


if __name__ == "__main__":
    main()
