"""Flat drawings painted as people paint, for training: light, lines, media, time of day."""

from nurie.lab.augment.painting.pairs import PaintedPairs, paint_pairs
from nurie.lab.augment.painting.pictures import Painting, paint_pictures

__all__ = ["PaintedPairs", "Painting", "paint_pairs", "paint_pictures"]
