"""Answer `nurie --version` at once; hand everything else to the command line."""

import sys

from nurie import __version__


def main() -> None:
    """Run the command `nurie`."""
    if sys.argv[1:] == ["--version"]:
        print(f"nurie {__version__}")
        return
    from nurie import cli

    cli.main()


if __name__ == "__main__":
    main()
