"""An array file is filled row by row, and goes on where it was interrupted."""

import numpy as np
import pytest

from vae.data import fill as filling
from vae.data.fill import fill
from vae.data.pictures import Unreadable


def test_decoding_goes_on_where_it_was_interrupted(tmp_path, monkeypatch):
    monkeypatch.setattr(filling, "CHUNK", 4)
    path, seen = tmp_path / "rows.npy", []

    def row(i):
        if i == 30 and not path.with_name("mended").exists():
            # not among what a damaged picture raises: as if the process were killed
            raise KeyError(i)
        seen.append(i)
        return np.full((1, 2, 2), i, np.uint8)

    monkeypatch.setattr(filling, "SAVE", 0.0)
    with pytest.raises(KeyError):
        fill(path, 40, (1, 2, 2), row)
    first = set(seen)
    seen.clear()
    path.with_name("mended").touch()
    assert fill(path, 40, (1, 2, 2), row) == {}
    assert len(seen) < 40
    assert first | set(seen) == set(range(40))
    np.testing.assert_array_equal(np.load(path)[:, 0, 0, 0], range(40))


def test_what_is_decoded_is_not_decoded_again(tmp_path):
    """Not even if the process died before it said that rows are left out."""
    path = tmp_path / "rows.npy"

    def row(i):
        if i % 10 == 3:
            raise Unreadable(f"row {i}")
        return np.full((1, 2, 2), i, np.uint8)

    found = fill(path, 200, (1, 2, 2), row)
    assert set(found) == set(range(3, 200, 10))
    kept = [i for i in range(200) if i % 10 != 3]
    np.testing.assert_array_equal(np.load(path)[:, 0, 0, 0], kept)

    def never(i):
        raise AssertionError(i)

    assert fill(path, 200, (1, 2, 2), never) == found
    # other rows are others, whatever the note says
    assert fill(path, 5, (1, 2, 2), lambda i: np.full((1, 2, 2), i, np.uint8)) == {}
    assert len(np.load(path)) == 5
