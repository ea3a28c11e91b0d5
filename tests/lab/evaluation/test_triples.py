from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from nurie.errors import DataError
from nurie.lab.corpora.portraits import held_out_variants, render_character
from nurie.lab.corpora.store import SlotDrawing
from nurie.lab.evaluation.lists import from_hex, load_list
from nurie.lab.evaluation.placement import Placement
from nurie.lab.evaluation.triples import place, render_triple

SPEC = next(row for row in load_list("seen") if row.style_a == "big-smile" and row.ground != "#ffffff")


def test_a_triple_is_what_its_row_says() -> None:
    triple = render_triple(SPEC)
    drawing_a, entry_a = render_character(SPEC.style_a, SPEC.seed_a, "test")
    assert entry_a.parts["hair"] in held_out_variants("big-smile", "hair")
    assert triple.line_art.shape == (256, 256) and np.array_equal(triple.line_art, drawing_a.lines[0])
    assert triple.coverage_a.shape == (len(triple.slots_a), 256, 256)
    # A flat region of the truth is the palette's colour, and the reference's ground is the row's.
    for slot in ("hair", "skin"):
        pixels = triple.truth[triple.coverage_a[triple.slots_a.index(slot)] == 255]
        assert np.median(pixels, axis=0).tolist() == list(from_hex(SPEC.palette[slot]))
        pixels = triple.reference[triple.coverage_b[triple.slots_b.index(slot)] == 255]
        assert np.median(pixels, axis=0).tolist() == list(from_hex(SPEC.palette[slot]))
    assert (triple.reference[triple.coverage_b[0] == 255] == from_hex(SPEC.ground)).all()
    assert (triple.truth[triple.coverage_a[0] == 255] == 255).all()
    regions = triple.regions
    assert {"hair", "skin"} <= set(regions)
    assert not (regions["hair"] & regions["skin"]).any() and not (triple.paper & regions["hair"]).any()
    assert (triple.line_art[regions["hair"] | triple.paper] >= 230).all()


def test_the_cache_gives_the_same_and_survives_damage(tmp_path) -> None:
    drawn = render_triple(SPEC, cache=tmp_path)
    (stored,) = tmp_path.iterdir()

    def same(triple) -> bool:
        return all(np.array_equal(getattr(drawn, f.name), getattr(triple, f.name)) for f in fields(triple))

    assert same(render_triple(SPEC, cache=tmp_path)) and same(render_triple(SPEC))
    stored.write_bytes(stored.read_bytes()[:1000])
    assert same(render_triple(SPEC, cache=tmp_path)) and stored.stat().st_size > 1000
    other = render_triple(replace(SPEC, ground="#123456"), cache=tmp_path)
    assert other.sha256() != drawn.sha256() == render_triple(SPEC, cache=tmp_path).sha256()
    assert len(list(tmp_path.iterdir())) == 2


def test_another_size_shows_the_same(tmp_path) -> None:
    small, large = render_triple(SPEC, cache=tmp_path), render_triple(SPEC, size=512, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2 and large.slots_a == small.slots_a and large.slots_b == small.slots_b
    pairs = [(small.line_art, large.line_art), (small.reference, large.reference), (small.truth, large.truth)]
    pairs += [
        *zip(small.coverage_a, large.coverage_a, strict=True),
        *zip(small.coverage_b, large.coverage_b, strict=True),
    ]
    for one, other in pairs:
        halved = cv2.resize(other, (256, 256), interpolation=cv2.INTER_AREA)
        # Bilinear placing and anti-aliasing differ at edges alone, which are a few percent of the pixels.
        assert np.abs(one.astype(float) - halved).mean() < 2


def test_lines_that_the_style_lacks() -> None:
    with pytest.raises(DataError, match="drawn"):
        render_triple(replace(SPEC, line_kind="drawn"))


def test_place_composes_figure_and_ground() -> None:
    rng = np.random.default_rng(2)
    shares = rng.dirichlet([1, 1, 1, 1], (23, 23))  # ground, two slots, ink
    drawing = SlotDrawing(
        lines=np.full((1, 23, 23), 255, np.uint8),
        base=np.rint(shares[..., 3:] * [20, 30, 40]).astype(np.uint8),
        coverage=np.rint(shares[..., :3] * 255).astype(np.uint8).transpose(2, 0, 1),
        slots=("background", "hair", "skin"),
    )
    palette = {"background": (255, 255, 255), "hair": (200, 10, 90), "skin": (90, 180, 250)}
    picture, coverage = place(drawing, palette, Placement(mirrored=True), (5, 100, 50))
    colors = np.array([(5, 100, 50), (200, 10, 90), (90, 180, 250)])
    expected = (shares[..., :3] @ colors + shares[..., 3:] * [20, 30, 40])[:, ::-1]
    # Coverages, base and the figure are each rounded to 8 bits: half a level each, times up to four terms.
    assert np.abs(picture - expected).max() <= 2.5
    assert np.array_equal(coverage, drawing.coverage[:, :, ::-1])


def test_a_slot_too_small_in_the_reference_is_not_scored() -> None:
    triple = render_triple(SPEC)
    small = triple.coverage_b.copy()
    number = triple.slots_b.index("hair")
    small[number] = 0
    small[number, 0, :98] = 255  # 98 of 65,536 pixels are 0.1495 %
    assert "hair" not in replace(triple, coverage_b=small).regions
    small[number, 0, 98] = 255  # 99 are 0.1511 %
    assert "hair" in replace(triple, coverage_b=small).regions
