"""The figures: histograms of cosines, spectra, curves, grids of pictures.

Each function takes plain data and writes files, whole or not at all. The same data give the same bytes: no dates, no
random identifiers, no state of pyplot. ``paths`` are one or more files, .png or .svg; ``note`` is a line below the
figure, for example what a reproduction left out.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from nurie.errors import InputError, OutputError
from nurie.files.image import write
from nurie.lab.analysis.curves import Numbers, smooth
from nurie.lab.analysis.histogram import DOMINANT, CosineHistogram, Groups, edges
from nurie.lab.corpora.store import Bytes, write_bytes

RIDGES = 6
"""Ridges of a panel at most: the first epoch, the last, and some between."""
_COARSER = 8
"""Bins of the file that make one of the figure."""
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "nurie",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}
_METADATA: dict[str, dict[str, Any]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


def plot_histograms(
    epochs: Mapping[int, Groups],
    paths: Sequence[Path],
    *,
    measure: str = "pixel",
    title: str = "",
    note: str = "",
) -> None:
    """Fig. 4 and Fig. 10: for each branch a panel, the distribution of its cosines epoch over epoch.

    Beside each distribution stand the shares above 0.935 and below 0.

    Args:
        epochs: trees by epoch, as ``read_epochs`` gives them; of many epochs ``RIDGES`` are drawn, spread evenly.
        paths: files written.
        measure: "pixel", "image", "pixel_rest" or "image_rest"; see ``nurie.lab.analysis.histogram``.
        title: above the figure.
        note: below it.

    Raises:
        InputError: no epochs, no branches, or no such measure.
        OutputError: a place cannot be written.
    """
    if not epochs:
        raise InputError("There are no epochs to draw: nothing was measured yet.")
    numbers = sorted(epochs)
    drawn = sorted({numbers[round(place)] for place in np.linspace(0, len(numbers) - 1, RIDGES)})
    _plot_ridges({f"epoch {number}": epochs[number] for number in drawn}, paths, measure, title, note)


def plot_terms(
    terms: Mapping[str, Groups], paths: Sequence[Path], *, measure: str = "pixel", title: str = "", note: str = ""
) -> None:
    """Fig. 5: for each branch a panel, the distribution of its cosines for each loss term by itself.

    Args:
        terms: trees by name of the loss, as in ``TermReport.terms``.
        paths: files written.
        measure: see ``plot_histograms``.
        title: above the figure.
        note: below it.

    Raises:
        InputError: no terms, no branches, or no such measure.
        OutputError: a place cannot be written.
    """
    if not terms:
        raise InputError("There are no loss terms to draw.")
    _plot_ridges(terms, paths, measure, title, note)


def _plot_ridges(trees: Mapping[str, Groups], paths: Sequence[Path], measure: str, title: str, note: str) -> None:
    places = sorted({(group, branch) for tree in trees.values() for group in tree for branch in tree[group]})
    if not places:
        raise InputError("Nothing to draw: no tensor has two branches or more.")
    groups = list(dict.fromkeys(group for group, _ in places))
    across = max(sum(group == name for name, _ in places) for group in groups)
    height = 0.9 + (0.8 + 0.32 * len(trees)) * len(groups)
    with rc_context(_STYLE):
        figure = Figure(figsize=(4.2 * across, height), layout="constrained")
        panels = figure.subplots(len(groups), across, squeeze=False)
        for row, group in zip(panels, groups, strict=True):
            branches = [branch for name, branch in places if name == group]
            for panel in row[len(branches) :]:
                panel.set_axis_off()
            for panel, branch in zip(row, branches, strict=False):
                total = "the rest" if measure.endswith("_rest") else "the total"
                panel.set_title(f"{group}: cos({branch}, {total})", fontsize=8)
                found = [(label, tree.get(group, {}).get(branch, {}).get(measure)) for label, tree in trees.items()]
                if all(histogram is None for _, histogram in found):
                    raise InputError(f"Nothing is recorded of the measure {measure!r} in {group}, {branch}.")
                _draw_ridges(panel, [(label, histogram or CosineHistogram()) for label, histogram in found])
        _finish(figure, paths, title, note)


def _draw_ridges(panel: Axes, ridges: Sequence[tuple[str, CosineHistogram]]) -> None:
    shares = [np.array(h.counts).reshape(-1, _COARSER).sum(axis=1) / max(1, h.count) for _, h in ridges]
    step = max(1e-9, max(share.max() for share in shares)) / 2
    borders = edges()[::_COARSER]
    for number, ((label, histogram), share) in enumerate(zip(ridges, shares, strict=True)):
        base = -number * step
        color = colormaps["viridis"](0.8 * number / max(1, len(ridges) - 1))
        text = (
            f"{histogram.share_above:.1%} > {DOMINANT}, {histogram.share_below:.1%} < 0"
            if histogram.count
            else "no gradient"
        )
        panel.stairs(base + share, borders, baseline=base, fill=True, color=(*color[:3], 0.35), zorder=2 * number)
        panel.stairs(base + share, borders, baseline=None, color=color, zorder=2 * number + 1)
        panel.text(1.05, base, f"{label}\n{text}", color=color, fontsize=6, va="bottom", linespacing=1.1)
    panel.axvline(0, color="0.6", linewidth=0.6, linestyle=":")
    panel.axvline(DOMINANT, color="0.6", linewidth=0.6, linestyle=":")
    panel.set_xlim(-1.02, 1.02)
    panel.set_ylim((0.9 - len(ridges)) * step, 2.1 * step)
    panel.set_yticks([])
    panel.spines["left"].set_visible(False)
    panel.set_xticks([-1, -0.5, 0, 0.5, 1])
    panel.set_xlabel("cosine", fontsize=7)


def plot_spectra(
    spectra: Mapping[str, tuple[Numbers, Numbers]], paths: Sequence[Path], *, title: str = "", note: str = ""
) -> None:
    """Fig. 8: cumulative energy over the number of singular values, before and after the fusion module.

    Args:
        spectra: by network (before, after), each of R shares that rise to 1.
        paths: files written.
        title: above the figure.
        note: below it.

    Raises:
        InputError: no spectra.
        OutputError: a place cannot be written.
    """
    if not spectra:
        raise InputError("There are no spectra to draw.")
    with rc_context(_STYLE):
        figure = Figure(figsize=(5.2, 3.6), layout="constrained")
        panel = figure.subplots()
        for number, (name, (before, after)) in enumerate(spectra.items()):
            color = colormaps["tab10"](number % 10)
            for values, style, when in ((before, "--", "before"), (after, "-", "after")):
                panel.plot(np.arange(1, len(values) + 1), values, style, color=color, label=f"{name}, {when}")
        panel.set_xscale("log")
        panel.set_xlabel("singular values r")
        panel.set_ylabel("share of the first r in the sum of squares")
        panel.set_ylim(top=1.0)
        panel.legend(loc="lower right", fontsize=7)
        _finish(figure, paths, title, note)


def plot_curves(
    series: Mapping[str, tuple[Numbers, Numbers]],
    paths: Sequence[Path],
    *,
    x_label: str = "step",
    y_label: str = "",
    window: int = 1,
    log: bool = False,
    title: str = "",
    note: str = "",
) -> None:
    """Fig. 9 and Fig. 13: one curve a training.

    Args:
        series: by name (steps or epochs, values), as ``read_curve`` gives them.
        paths: files written.
        x_label: below the figure.
        y_label: beside it.
        window: curves are means over so many values; the values themselves are drawn pale behind.
        log: a logarithmic axis of values.
        title: above the figure.
        note: below it.

    Raises:
        InputError: no curves, or a window below 1.
        OutputError: a place cannot be written.
    """
    if not series:
        raise InputError("There are no curves to draw.")
    with rc_context(_STYLE):
        figure = Figure(figsize=(5.6, 3.4), layout="constrained")
        panel = figure.subplots()
        for number, (name, (steps, values)) in enumerate(series.items()):
            color = colormaps["tab10"](number % 10)
            if window > 1:
                panel.plot(steps, values, color=(*color[:3], 0.2), linewidth=0.6)
            marker = "o" if len(steps) <= 30 else None
            panel.plot(
                steps,
                smooth(np.asarray(values, np.float64), window),
                color=color,
                label=name,
                marker=marker,
                markersize=2.5,
            )
        panel.set_yscale("log" if log else "linear")
        panel.set_xlabel(x_label)
        panel.set_ylabel(y_label)
        panel.legend(fontsize=7)
        _finish(figure, paths, title, note)


def _finish(figure: Figure, paths: Sequence[Path], title: str, note: str) -> None:
    if title:
        figure.suptitle(title, fontsize=9)
    if note:
        figure.supxlabel(note, fontsize=6, color="0.35", wrap=True)
    for path in paths:
        kind = path.suffix.lower().removeprefix(".")
        if kind not in _METADATA:
            raise OutputError(f"{path.name}: a figure is written as .png or .svg; got {path.suffix or 'no suffix'!r}.")
        stream = io.BytesIO()
        figure.savefig(stream, format=kind, dpi=160, metadata=_METADATA[kind])
        write_bytes(path, stream.getvalue())


def picture_grid(
    columns: Sequence[str],
    rows: Sequence[Sequence[Bytes]],
    path: Path,
    *,
    side: int = 128,
    labels: Sequence[str] | None = None,
    note: str = "",
) -> None:
    """Fig. 7, 11, 12: a row a pair, a column a method, each named at the top.

    Args:
        columns: names, for example "reference", "line art", "SCFT", "SGA".
        rows: for each pair one picture a column, H x W x 3 or H x W, 8-bit sRGB, of any size.
        path: the picture written; the suffix names its format.
        side: of the square that each picture is fitted into, in pixels.
        labels: names of the rows, left of them.
        note: below the pictures, in as many lines as it takes.

    Raises:
        InputError: no rows, or a row that has not one picture a column.
        OutputError: the place cannot be written.
    """
    if not rows or not columns:
        raise InputError("A grid needs at least one row and one column.")
    for number, row in enumerate(rows, 1):
        if len(row) != len(columns):
            raise InputError(f"Row {number} has {len(row)} pictures for {len(columns)} columns: {', '.join(columns)}.")
    if labels is not None and len(labels) != len(rows):
        raise InputError(f"There are {len(labels)} labels for {len(rows)} rows.")
    gap, letter = 4, min(20, max(9, side // 10))
    font = ImageFont.load_default(letter)
    names = [_wrapped(name, font, side) for name in columns]
    line = 3 * letter // 2
    top = line * max(name.count("\n") + 1 for name in names) + gap
    left = gap + (max(round(font.getlength(label)) for label in labels) + gap if labels else 0)
    width = left + len(columns) * (side + gap)
    said = _wrapped(note, font, width - 2 * gap)
    pictures = top + len(rows) * (side + gap)
    height = pictures + (line * (said.count("\n") + 1) + gap if said else 0)
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    for number, name in enumerate(names):
        x = left + number * (side + gap) + side // 2
        draw.multiline_text((x, top // 2), name, fill="black", font=font, anchor="mm", align="center")
    for number, row in enumerate(rows):
        y = top + number * (side + gap)
        if labels is not None:
            draw.text((gap, y + side // 2), labels[number], fill="black", font=font, anchor="lm")
        for place, picture in enumerate(row):
            tile = fit_picture(picture, side)
            sheet.paste(Image.fromarray(tile), (left + place * (side + gap), y))
    draw.multiline_text((gap, pictures), said, fill="dimgray", font=font)
    write(sheet, path)


def fit_picture(picture: Bytes, side: int) -> Bytes:
    """Fit a picture into a white square, its aspect kept, side x side x 3."""
    array = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
    scale = side / max(array.shape[:2])
    height, width = (max(1, round(length * scale)) for length in array.shape[:2])
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = cv2.resize(array, (width, height), interpolation=kind)
    return square


def _wrapped(text: str, font: Any, width: int) -> str:
    """A text in as many lines as it takes; a word that is too long stays whole."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(line for line in lines if line)
