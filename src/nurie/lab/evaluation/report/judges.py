"""How a case is scored: ``scores.score``, and what of it a kind of case can bear."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.means import METRICS
from nurie.lab.evaluation.scores import Scores, score
from nurie.lab.evaluation.triples import Triple

Judge = Callable[[Bytes, Triple], Scores]
"""From a prediction, T x T x 3, and the triple to the scores."""


def judge_medians(prediction: Bytes, triple: Triple) -> Scores:
    """Every region by its median colour, so that shading in it is no error; bleeding and paper as they are."""
    flat = prediction.copy()
    for region in triple.regions.values():
        flat[region] = np.rint(np.median(prediction[region], axis=0)).astype(np.uint8)
    return replace(score(flat, triple), bleeding=score(prediction, triple).bleeding)


def judge_figure(prediction: Bytes, triple: Triple) -> Scores:
    """A painted figure is one region of many colours: colour error over its pixels, no match and no bleeding."""
    return replace(score(prediction, triple), match=math.nan, bleeding=math.nan)


def judge_paper(prediction: Bytes, triple: Triple) -> Scores:
    """There is no truth for the figure: the paper alone is scored."""
    paper = score(prediction, triple).paper
    return Scores(**{**dict.fromkeys(METRICS, math.nan), "paper": paper})


JUDGES: Mapping[str, Judge] = MappingProxyType(
    {"regions": score, "medians": judge_medians, "figure": judge_figure, "paper": judge_paper}
)
