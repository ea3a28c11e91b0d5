"""The command line, thin: it names files, shows progress, and says in one line what went wrong.

Exit status: 0 done; 1 some of several pictures failed; 2 nothing could be done.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurie import __version__
from nurie.errors import ModelError, NurieError, OutputError

if TYPE_CHECKING:
    from nurie.colorizer import Colorizer, References
    from nurie.sequence import Job

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


@app.command()
def colorize(
    line_art: Annotated[
        list[Path], typer.Argument(metavar="LINE...", help="Drawings: files, or folders of them.", show_default=False)
    ],
    reference: Annotated[
        list[Path],
        typer.Option(
            "--reference", "-r", help="A picture to take colours from, or a folder of them; repeat for several."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="A file (.png, .tif, .webp, ...) for one drawing; else a folder.")
    ],
    extract_lines: Annotated[
        bool, typer.Option("--extract-lines", help="The drawings are colour pictures: take their lines first.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    model: Annotated[
        str | None,
        typer.Option(help="A model folder or a hub id (owner/name).", show_default="the weights that ship with Nurie"),
    ] = None,
    max_megapixels: Annotated[float, typer.Option(min=0, help="Refuse larger pictures.")] = 200.0,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.", show_default="all")] = None,
) -> None:
    """Colour drawings from reference pictures, at their full size, their lines untouched."""
    from nurie.sequence import pictures_of, plan

    references = pictures_of(reference)
    jobs = plan(line_art, out, keep=references)
    if len(jobs) == 1:
        _refuse_existing(jobs[0], overwrite)

    import cv2

    from nurie.colorizer import Colorizer

    if threads:
        cv2.setNumThreads(threads)
    colorizer = Colorizer(model, threads=threads, max_megapixels=max_megapixels)
    known = colorizer.encode(references)
    if len(jobs) == 1:
        colorizer(jobs[0].source, known, extract_lines=extract_lines).save(jobs[0].target)
        typer.echo(jobs[0].target)
    elif _several(colorizer, known, jobs, extract_lines, overwrite):
        raise typer.Exit(1)


def _several(
    colorizer: "Colorizer", known: "References", jobs: Sequence["Job"], extract_lines: bool, overwrite: bool
) -> int:
    """Colour several drawings with a progress bar; return how many failed."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    failed = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for job in progress.track(jobs, description="Colouring"):
            try:
                _refuse_existing(job, overwrite)
                colorizer(job.source, known, extract_lines=extract_lines).save(job.target)
            except ModelError:
                # What is wrong with the model is wrong for every drawing.
                raise
            except NurieError as error:
                failed += 1
                progress.console.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
    typer.echo(f"{len(jobs) - failed} of {len(jobs)} coloured in {jobs[0].target.parent}")
    return failed


def _refuse_existing(job: "Job", overwrite: bool) -> None:
    if job.target.exists() and not overwrite:
        raise OutputError(f"{job.target} exists; give --overwrite to replace it, or another output.")


def _mount(command: EntryPoint) -> None:
    """Add a command of another part of Nurie, imported only when it is called."""

    def run(context: typer.Context) -> None:
        try:
            mounted = command.load()
        except ModuleNotFoundError as error:
            # A missing file of ours is a bug, and its traceback the report.
            if (error.name or "").split(".")[0] == "nurie":
                raise
            raise NurieError(
                f"`nurie {command.name}` needs packages that are not installed ({error}). "
                f"Install them: pip install 'nurie[{command.name}]'"
            ) from error
        mounted(args=context.args, prog_name=f"nurie {command.name}")

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
    try:
        app(args=None if arguments is None else list(arguments), prog_name="nurie")
    except NurieError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
