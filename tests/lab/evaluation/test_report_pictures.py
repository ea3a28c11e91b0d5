"""Shading, scans and warps against closed forms and SciPy."""

import math

import cv2
import numpy as np
import pytest
import torch
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import map_coordinates

from nurie.lab.augment.warp import LatticeWarp, sample_control_points
from nurie.lab.corpora.store import SlotDrawing
from nurie.lab.evaluation.report import painted_over, scanning
from nurie.lab.evaluation.report.painted_over import paint
from nurie.lab.evaluation.report.scanning import scan
from nurie.lab.evaluation.report.warping import MOVE, bend

SLOTS = ("background", "hair", "skin")
PALETTE = {"background": (255, 255, 255), "hair": (200, 40, 90), "skin": (30, 180, 240)}


def shares(height: int = 53, width: int = 53) -> np.ndarray:
    """Soft coverages that sum to less than one: the rest is ink."""
    rng = np.random.default_rng(5)
    return np.rint(rng.dirichlet([1, 1, 1, 1], (height, width))[..., :3] * 255).astype(np.uint8).transpose(2, 0, 1)


def flat(coverage: np.ndarray) -> np.ndarray:
    colors = np.array([PALETTE[slot] for slot in SLOTS])
    return np.rint(np.einsum("shw,sc->hwc", coverage / 255, colors)).clip(0, 255).astype(np.uint8)


def test_shading_is_a_factor_and_light_for_each_slot(monkeypatch) -> None:
    coverage = shares()
    monkeypatch.setattr(painted_over, "_gradient", lambda share, toward, rng: np.full_like(share, 0.8))
    monkeypatch.setattr(painted_over, "_turned_away", lambda share, toward, reach, softness: np.zeros_like(share))
    monkeypatch.setattr(painted_over, "_gloss", lambda share, toward, rng: np.ones_like(share))
    monkeypatch.setattr(painted_over, "_LIGHT", (0.25, 0.25))
    painted = paint(flat(coverage), SLOTS, coverage, PALETTE, np.random.default_rng(0))
    # q = (1 - 0.25) * 0.8 * p + 0.25 * 255, by hand; the background keeps its white.
    colors = [np.array(PALETTE["background"]), *(0.6 * np.array(PALETTE[s]) + 63.75 for s in SLOTS[1:])]
    expected = np.einsum("shw,sc->hwc", coverage / 255, np.array(colors)).clip(0, 255)
    assert np.abs(painted - expected).max() <= 1.01  # the flat picture and the result are each rounded


def test_without_light_and_shadow_a_picture_stays(monkeypatch) -> None:
    for name, value in (("_GRADIENT", 0.0), ("_SHADOW", 1.0), ("_LIGHT", 0.0)):
        monkeypatch.setattr(painted_over, name, (value, value))
    coverage = shares()
    assert np.array_equal(paint(flat(coverage), SLOTS, coverage, PALETTE, np.random.default_rng(1)), flat(coverage))


def test_shading_keeps_to_its_regions_and_near_their_colors() -> None:
    coverage = np.zeros((3, 101, 101), np.uint8)
    coverage[1, 11:47, 7:83] = 255
    coverage[2, 47:89, 13:97] = 255
    coverage[0] = 255 - coverage[1:].max(0)
    picture = flat(coverage)
    for seed in range(7):
        painted = paint(picture, SLOTS, coverage, PALETTE, np.random.default_rng(seed))
        assert np.array_equal(painted[coverage[0] == 255], picture[coverage[0] == 255])
        for slot, plane in zip(SLOTS[1:], coverage[1:], strict=True):
            pixels = painted[plane == 255].astype(float)
            color = np.array(PALETTE[slot])
            assert len(np.unique(pixels, axis=0)) > 50
            # No darker than the deepest gradient and shadow together leave, no lighter than the strongest light.
            assert (pixels >= color * (1 - 0.20) * 0.55 - 1).all()
            assert (pixels <= color + (255 - color) * 0.6 + 1).all()
            # The most of it is near the flat colour: within the deepest gradient.
            assert (np.abs(np.median(pixels, axis=0) - color) <= 0.2 * color + 12).all()
    assert np.array_equal(painted, paint(picture, SLOTS, coverage, PALETTE, np.random.default_rng(seed)))


def test_a_shadow_lies_away_from_the_light_and_a_gradient_falls_away() -> None:
    share = np.zeros((61, 61), np.float32)
    share[17:43, 11:47] = 1
    rim = painted_over._turned_away(share, (1.0, 0.0), 5.0, 0.0)  # the light is at the right
    expected = np.zeros_like(share)
    expected[17:43, 11:16] = 1  # five columns at the left
    # The softest edge is 0.3 pixels: nothing changes beyond the pixel beside it.
    assert np.abs(rim - expected)[:, [c for c in range(61) if c not in (15, 16)]].max() < 0.05
    assert not rim[:16].any() and not rim[44:].any()
    rng = np.random.default_rng(3)
    depth = np.random.default_rng(3).uniform(*painted_over._GRADIENT)
    factor = painted_over._gradient(share, (0.0, -1.0), rng)  # from above
    rows = 1 - depth * (np.arange(17, 43) - 17) / 25
    assert np.allclose(factor[17:43, 11:47], rows[:, None], atol=1e-6)
    empty = np.zeros_like(share)
    assert (painted_over._gradient(empty, (0, 1), rng) == 1).all() and not painted_over._gloss(empty, (0, 1), rng).any()


def test_a_scan_has_paper_light_pencil_and_dust(monkeypatch) -> None:
    lines = np.full((199, 211), 255, np.uint8)
    lines[:, 101:104] = 0
    page = scan(lines, np.random.default_rng(11))
    assert page.shape == (199, 211, 3) and page.dtype == np.uint8
    assert np.array_equal(page, scan(lines, np.random.default_rng(11)))
    assert not np.array_equal(page, scan(lines, np.random.default_rng(12)))
    for seed in range(7):
        page = scan(lines, np.random.default_rng(seed)).astype(float)
        paper = np.delete(page, np.s_[95:110], axis=1)
        tone = np.median(paper, axis=(0, 1))
        assert tone[0] >= tone[1] >= tone[2] > 0.8 * tone[0] and 150 < tone[0] < 241
        pencil = np.median(page[:, 102], axis=0) / tone
        assert (0.1 < pencil).all() and (pencil < 0.8).all()
        # A plane explains the paper but for grain and dust.
        rows, columns = np.mgrid[:199, :196]
        design = np.column_stack([rows.ravel(), columns.ravel(), np.ones(rows.size)])
        fitted, residual, *_ = np.linalg.lstsq(design, paper[..., 1].ravel(), rcond=None)
        fall = math.hypot(fitted[0] * 199, fitted[1] * 211) / tone[1]
        assert 0.02 < fall < 0.20 and math.sqrt(residual[0] / rows.size) < 8
    monkeypatch.setattr(scanning, "_dust", lambda picture, rng: None)
    clean = scan(lines, np.random.default_rng(11)).astype(float)
    assert 0 < (np.abs(clean - scan_with_dust(monkeypatch, lines)) > 12).any(2).sum() < 25 * 4


def scan_with_dust(monkeypatch, lines) -> np.ndarray:
    monkeypatch.undo()
    return scan(lines, np.random.default_rng(11)).astype(float)


@pytest.mark.parametrize("seed", [2, 3])
def test_bending_is_a_thin_plate_spline_of_all_planes(seed) -> None:
    side = 59
    rng = np.random.default_rng(7)
    smooth = [cv2.GaussianBlur(rng.integers(0, 256, (side, side), np.uint8), (0, 0), 2) for _ in range(7)]
    drawing = SlotDrawing(
        lines=np.stack(smooth[:1]), base=np.dstack(smooth[1:4]), coverage=np.stack(smooth[4:]), slots=SLOTS
    )
    bent = bend(drawing, np.random.default_rng(seed))
    generator = torch.Generator().manual_seed(int(np.random.default_rng(seed).integers(2**31)))
    points = sample_control_points(1, LatticeWarp(move=MOVE), generator)
    spline = RBFInterpolator(
        points.output_BN2[0].numpy(), points.input_BN2[0].numpy(), kernel="thin_plate_spline", degree=1
    )
    centers = (2 * np.arange(side) + 1) / side - 1
    x, y = np.meshgrid(centers, centers)
    seen = spline(np.column_stack([x.ravel(), y.ravel()]))
    columns, rows = ((seen.T + 1) * side - 1) / 2
    for plane, result, outside in (
        (drawing.lines[0], bent.lines[0], 255),
        (drawing.base[..., 2], bent.base[..., 2], 0),
        (drawing.coverage[0], bent.coverage[0], 255),
        (drawing.coverage[2], bent.coverage[2], 0),
    ):
        # One pixel of the outside's value around, between which and the picture OpenCV blends.
        framed = np.pad(plane.astype(float), 1, constant_values=outside)
        expected = map_coordinates(framed, [rows + 1, columns + 1], order=1, cval=outside).reshape(side, side)
        # OpenCV takes places to 1/32 of a pixel, here of planes that change by up to 255 at their border.
        assert np.abs(result - expected).max() <= 255 / 32 + 1
        assert np.abs(result - expected)[8:-8, 8:-8].max() <= 2
    assert not np.array_equal(bent.base, drawing.base) and bent.slots == drawing.slots


def test_bending_without_a_move_changes_nothing() -> None:
    coverage = shares(47, 47)
    drawing = SlotDrawing(lines=coverage[:1], base=np.dstack(list(coverage)), coverage=coverage, slots=SLOTS)
    bent = bend(drawing, np.random.default_rng(0), move=0.0)
    assert np.abs(bent.base.astype(int) - drawing.base).max() <= 1
    assert np.abs(bent.coverage.astype(int) - drawing.coverage).max() <= 1
