"""Answers to small questions that can be checked by hand."""

import numpy as np

from nurie.colorizer import Colorizer
from nurie.lab.evaluation.answers import by_engine, by_page, mean_color
from nurie.lab.evaluation.lists import load_list
from nurie.lab.evaluation.triples import render_triple
from nurie.model.engine import Engine


def test_mean_color_leaves_the_ground_out() -> None:
    colored = (row for row in load_list("seen") if row.style_a == "big-smile" and row.ground != "#ffffff")
    triple = render_triple(next(colored))
    figure = [triple.reference[y, x] for y in range(256) for x in range(256) if triple.coverage_b[0, y, x] / 255 < 0.5]
    answer = mean_color(triple)
    assert answer.shape == (256, 256, 3) and (answer == answer[0, 0]).all()
    assert np.abs(answer[0, 0] - np.mean(figure, axis=0)).max() <= 0.5


def test_an_engine_is_asked_in_its_own_range(model_folder) -> None:
    # That model gives every place the reference's brightest means: of one colour, that colour.
    reference = np.full((32, 48, 3), (255, 0, 51), np.uint8)
    result = by_engine(Engine(model_folder))(np.full((32, 48), 255, np.uint8), reference)
    assert np.array_equal(result, reference)


def test_a_colorizer_is_asked_for_its_color_layer(model_folder) -> None:
    reference = np.full((32, 48, 3), (255, 0, 51), np.uint8)
    line_art = np.full((32, 48), 255, np.uint8)
    line_art[:, 20] = 0  # under the line the colour goes on
    result = by_page(Colorizer(model_folder))(line_art, reference)
    assert np.array_equal(result, reference)
