import hashlib
from collections import Counter
from importlib.resources import files

import numpy as np
import pytest

from nurie.errors import ConfigError, DataError
from nurie.lab.corpora.slots import SLOTS
from nurie.lab.evaluation.lists import (
    LENGTHS,
    SEEN_STYLES,
    TripleSpec,
    from_hex,
    list_sha256,
    load_list,
    make_list,
    write_lists,
)


@pytest.mark.parametrize("name", LENGTHS)
def test_the_committed_list_is_what_its_seed_makes(name: str) -> None:
    assert load_list(name) == make_list(name)


def test_files_are_written_as_committed(tmp_path) -> None:
    write_lists(tmp_path)
    for name in LENGTHS:
        committed = files("nurie.lab.evaluation").joinpath("lists", f"{name}.jsonl").read_bytes()
        assert (tmp_path / f"{name}.jsonl").read_bytes() == committed
        assert list_sha256(name) == hashlib.sha256(committed).hexdigest()


def test_what_the_protocol_promises() -> None:
    seen, cross, reserved = (load_list(name) for name in ("seen", "cross", "reserved"))
    assert Counter(row.style_a for row in seen) == dict.fromkeys(SEEN_STYLES, 80)
    assert all(row.style_a == row.style_b for row in seen + reserved)
    assert Counter(row.style_a for row in reserved) == {"big-ears": 100, "avataaars": 100}
    assert len(cross) == 200 and all(row.style_a != row.style_b for row in cross)
    assert {row.style_a for row in cross} == {row.style_b for row in cross} == set(SEEN_STYLES)
    rows = seen + cross + reserved
    characters = [(row.style_a, row.seed_a) for row in rows] + [(row.style_b, row.seed_b) for row in rows]
    assert len(set(characters)) == len(characters) == 2 * len(rows)
    assert len({row.id for row in rows}) == len(rows)
    assert all(set(row.palette) == {*SLOTS[row.style_a].values(), *SLOTS[row.style_b].values()} for row in rows)
    # Half of 960 throws: five standard deviations are 0.08.
    assert np.mean([row.placement.mirrored for row in rows]) == pytest.approx(0.5, abs=0.08)
    assert np.mean([row.ground == "#ffffff" for row in rows]) == pytest.approx(0.5, abs=0.08)


def test_line_kinds() -> None:
    kinds = Counter((row.style_a, row.line_kind) for row in load_list("seen"))
    assert kinds["toon-head", "drawn"] == kinds["toon-head", "outline"] == 40
    assert kinds["adventurer", "drawn"] == kinds["micah", "drawn"] == kinds["open-peeps", "drawn"] == 80
    assert kinds["lorelei", "outline"] == kinds["personas", "outline"] == kinds["big-smile", "outline"] == 80


def test_rows_go_to_json_and_back() -> None:
    row = load_list("cross")[17]
    assert TripleSpec.from_json(row.to_json()) == row
    assert from_hex("#0114ff") == (1, 20, 255)


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"placement": {"shift": [0, 0], "scales": 1}}'])
def test_damaged_rows(line: str) -> None:
    with pytest.raises(DataError, match="Not a row"):
        TripleSpec.from_json(line)


def test_unknown_list() -> None:
    for function in (load_list, make_list, list_sha256):
        with pytest.raises(ConfigError, match="seen, cross, reserved"):
            function("training")
