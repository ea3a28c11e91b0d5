import subprocess
import sys

from nurie import __version__


def test_the_package_runs_as_a_module() -> None:
    for words, expected in ((["--version"], f"nurie {__version__}\n"), (["colorize", "--help"], "--reference")):
        done = subprocess.run([sys.executable, "-m", "nurie", *words], capture_output=True, text=True)
        assert done.returncode == 0
        assert expected in done.stdout
