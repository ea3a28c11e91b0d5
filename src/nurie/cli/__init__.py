"""The command line, thin: it names files, shows progress, and says in one line what went wrong.

Exit status: 0 done; 1 some of several pictures failed; 2 nothing could be done; 130 stopped by Ctrl-C.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from io import TextIOWrapper
from typing import Annotated

import typer

from nurie import __version__
from nurie.cli.colorize import colorize
from nurie.errors import NurieError

__all__ = ["app", "main"]

_ABOUT = {"lab": "Research: corpora, training, evaluation, export. Needs: pip install 'nurie[lab]'."}

app = typer.Typer(
    name="nurie",
    help="Colour line art from reference pictures.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nurie {__version__}")
        raise typer.Exit


@app.callback()
def _nurie(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Colour line art from reference pictures."""


app.command()(colorize)


def _mount(command: EntryPoint) -> None:
    """Add a command of another part of Nurie, imported only when it is called."""

    def run(context: typer.Context) -> None:
        try:
            command.load()(args=context.args, prog_name=f"nurie {command.name}")
        except ModuleNotFoundError as error:
            # A missing file of ours is a bug, and its traceback the report.
            if (error.name or "").split(".")[0] == "nurie":
                raise
            raise NurieError(
                f"`nurie {command.name}` needs packages that are not installed ({error}). "
                f"Install them: pip install 'nurie[{command.name}]'"
            ) from error

    passing = {
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "allow_interspersed_args": False,
        "help_option_names": [],
    }
    app.command(command.name, help=_ABOUT.get(command.name, f"From {command.value}."), context_settings=passing)(run)


for _command in entry_points(group="nurie.commands"):
    _mount(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command `nurie`; an error that Nurie raises on purpose becomes one line and status 2."""
    # A name that the terminal's encoding lacks, as a Japanese one on Windows, is no reason to fail.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app(args=None if arguments is None else list(arguments), prog_name="nurie")
    except NurieError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
