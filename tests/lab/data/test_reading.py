"""Rows of folders that are not as they should be; pictures that are kept; the middle square."""

import logging

import numpy as np
import pytest
from PIL import Image

from nurie.errors import DataError
from nurie.lab.data import read_entries, reading, square


def test_an_empty_folder(tmp_path):
    with pytest.raises(DataError, match=r"is not a corpus: no folder in it has a manifest.jsonl. .*nurie lab corpus"):
        read_entries(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        read_entries(tmp_path / "nowhere")
    for layout in ("folder", "anime-portraits"):
        with pytest.raises(DataError, match="holds no pictures"):
            read_entries(tmp_path, layout)
    with pytest.raises(DataError, match="is not AFHQ"):
        read_entries(tmp_path, "afhq-dog")


def test_a_corrupt_file_in_a_folder_is_named_at_the_start(tmp_path, caplog, damage):
    for number in range(12):
        Image.new("RGB", (48, 32), (200, 30, 10 * number)).save(tmp_path / f"{number}.png")
    damage(tmp_path, ["7.png"])
    with caplog.at_level(logging.WARNING):
        assert len(read_entries(tmp_path, "folder")) == 11
    assert "7.png" in caplog.text and "1 left out" in caplog.text


def test_the_middle_square_by_hand():
    wide = np.arange(4 * 9 * 3, dtype=np.uint8).reshape(4, 9, 3)
    assert np.array_equal(square(wide, 4), wide[:, 2:6])
    assert np.array_equal(square(wide.transpose(1, 0, 2), 4), wide[:, 2:6].transpose(1, 0, 2))
    # Halved: means of 2 x 2, rounded.
    means = wide[:, 2:6].reshape(2, 2, 2, 2, 3).mean((1, 3))
    np.testing.assert_allclose(square(wide, 2), means, atol=0.51)


def test_limits_are_those_of_the_design():
    assert (reading.MAX_DAMAGED, reading.MAX_DAMAGED_SHARE) == (10, 0.02)
