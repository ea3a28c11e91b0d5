"""Time that `import nurie` and `nurie --version` take, Python's own start included.

python benchmarks/startup.py
"""

import argparse
import functools
import subprocess
import sys
from pathlib import Path

from timing import median_seconds, print_table

PYTHON = sys.executable
COMMANDS = (
    ("python -c pass", [PYTHON, "-c", "pass"], "-"),
    ("import nurie", [PYTHON, "-c", "import nurie"], "0.5 s"),
    ("nurie --version", [str(Path(PYTHON).with_name("nurie")), "--version"], "0.3 s"),
    ("from nurie import Colorizer", [PYTHON, "-c", "from nurie import Colorizer"], "-"),
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    rows = []
    for name, command, floor in COMMANDS:
        start = functools.partial(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)
        seconds = median_seconds(start, repeats=repeats)
        rows.append((f"`{name}`", f"{seconds:.2f} s", floor))
    print_table(("command", "time", "floor"), rows, note=f"Median of {repeats} starts after one that is not counted")


if __name__ == "__main__":
    main()
