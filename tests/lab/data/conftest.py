"""Files that are cut off in the middle."""

import pytest


@pytest.fixture(scope="session")
def damage():
    def damage(root, names):
        for name in names:
            path = root / name
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return damage
