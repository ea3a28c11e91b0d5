"""The options of `nurie colorize`: what each takes, and its help."""

from pathlib import Path
from typing import Annotated

import typer

LineArt = Annotated[
    list[Path], typer.Argument(metavar="LINE...", help="Drawings: files, or folders of them.", show_default=False)
]
Reference = Annotated[
    list[Path],
    typer.Option("--reference", "-r", help="A picture to take colours from, or a folder of them; repeat for several."),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out", "-o", help="A file for one drawing (.png, .webp, ...; in layers .psd, .ora, .tif); else a folder."
    ),
]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar=".png|.psd|...", help="Of the files in an output folder.", show_default=".png"),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace outputs that exist; else only those that are missing in a folder are made."
    ),
]
ExtractLines = Annotated[
    bool, typer.Option("--extract-lines", help="The drawings are colour pictures: take their lines first.")
]
Screentone = Annotated[
    bool, typer.Option(help="Take regular dots for screentone, not for lines: it lies over the colours.")
]
Balloons = Annotated[bool, typer.Option(help="Keep speech balloons and caption boxes white.")]
Panels = Annotated[
    bool, typer.Option(help="Colour a comic page panel by panel, and keep the paper between them white.")
]
Mode = Annotated[
    str,
    typer.Option(
        metavar="flats|soft|shaded",
        help="One colour for each region; the network's own colours within it; or one colour, and over it the "
        "network's light and shade.",
    ),
]
Palette = Annotated[
    str | None,
    typer.Option(
        metavar="lock|FILE",
        help="Give every flat the nearest exact colour of a palette, the same for all drawings: 'lock' for that of "
        "the references, or a file (.gpl, .ase, .json).",
        show_default="none",
    ),
]
SavePalette = Annotated[
    Path | None, typer.Option(help="Write the palette that was used (.gpl, .ase, .json).", show_default="none")
]
Corrections = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="X,Y=#RRGGBB",
        help="Give the region at a pixel of the drawing this colour, now and whenever the drawing is coloured to "
        "the same output again; X,Y=auto takes that back; repeat for several.",
        show_default="none",
    ),
]
Part = Annotated[
    str, typer.Option(metavar="image|colors|lines", help="Write the whole page, or one layer of it alone.")
]
LayerPerColor = Annotated[
    bool, typer.Option("--layer-per-color", help="In layered files, give each flat colour a layer of its own.")
]
LayerPerColour = Annotated[bool, typer.Option("--layer-per-colour", hidden=True)]
Explain = Annotated[
    bool,
    typer.Option(
        "--explain",
        help="Write beside each output every flat's colour, area and box, by which rule it has that colour, and where "
        "in which reference it came from, as NAME.flats.json, and draw it, as NAME.flats.png.",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(help="A model folder or a hub id (owner/name).", show_default="the weights that ship with Nurie"),
]
MaxMegapixels = Annotated[float, typer.Option(min=0, help="Refuse larger pictures.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads.", show_default="all")]
