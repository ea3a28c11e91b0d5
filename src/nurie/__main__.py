"""Answer `nurie --version` at once; hand everything else to the command line."""

import sys

from nurie import __version__


def main() -> None:
    """Run the command `nurie`."""
    if sys.argv[1:] == ["--version"]:
        print(f"nurie {__version__}")
        return
    try:
        from nurie import cli

        cli.main()
    except KeyboardInterrupt:
        # Ctrl-C before there is anything to stop, while libraries are loaded.
        sys.exit(130)


if __name__ == "__main__":
    main()
