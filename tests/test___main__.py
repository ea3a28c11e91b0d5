import subprocess
import sys

import pytest

from nurie import __main__, __version__, cli


def test_the_package_runs_as_a_module() -> None:
    for words, expected in ((["--version"], f"nurie {__version__}\n"), (["colorize", "--help"], "--reference")):
        done = subprocess.run([sys.executable, "-m", "nurie", *words], capture_output=True, text=True)
        assert done.returncode == 0
        assert expected in done.stdout


def test_ctrl_c_while_it_starts_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", stop)
    monkeypatch.setattr(sys, "argv", ["nurie", "colorize"])
    with pytest.raises(SystemExit) as stopped:
        __main__.main()
    assert stopped.value.code == 130
    assert capsys.readouterr() == ("", "")
