"""data=arrays: images in a file."""

import numpy as np
import pytest

from vae.data.cache import cached
from vae.data.sources.arrays import Arrays
from vae.errors import DataError

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (20, 6, 5), np.uint8)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_CACHE", str(tmp_path / "cache"))


def read(tmp_path, array, **words):
    np.save(tmp_path / "x.npy", array)
    return cached(Arrays(str(tmp_path / "x.npy"), **words))


def together(arrays):
    return np.concatenate([arrays["train_images"], arrays["test_images"]])


def test_a_share_is_tested_and_nothing_is_lost(tmp_path):
    arrays = read(tmp_path, BYTES)
    assert arrays["train_images"].shape == (18, 1, 6, 5)
    assert arrays["test_images"].shape == (2, 1, 6, 5)
    rows = {x.tobytes() for x in together(arrays)}
    assert rows == {x.tobytes() for x in BYTES}


@pytest.mark.parametrize(
    ("shape", "words", "found"),
    [
        ((20, 6, 5, 3), {}, (3, 6, 5)),
        ((20, 3, 6, 5), {}, (3, 6, 5)),
        ((20, 1, 6, 5), {}, (1, 6, 5)),
        ((20, 6, 5, 1), {}, (1, 6, 5)),
        # both axes could be channels: the second is taken, unless told otherwise
        ((20, 3, 5, 3), {}, (3, 5, 3)),
        ((20, 3, 5, 3), {"layout": "channels_last"}, (3, 3, 5)),
    ],
)
def test_the_channels_are_found_by_the_rule(tmp_path, shape, words, found):
    array = RNG.integers(0, 256, shape, np.uint8)
    assert read(tmp_path, array, **words)["train_images"].shape[1:] == found


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (BYTES / 255, BYTES),
        ((BYTES / 255).astype(np.float32), BYTES),
        (BYTES.astype(np.float64), BYTES),
        (BYTES.astype(np.int64), BYTES),
        (BYTES > 127, (BYTES > 127) * np.uint8(255)),
        ((BYTES > 127).astype(np.int64), (BYTES > 127) * np.uint8(255)),
    ],
)
def test_levels_are_brought_to_bytes(tmp_path, array, expected):
    rows = {x.tobytes() for x in together(read(tmp_path, array))}
    assert rows == {x.tobytes() for x in expected.astype(np.uint8)}


def test_labels_and_a_split_of_its_own(tmp_path):
    labels = np.arange(20)
    np.savez(tmp_path / "a.npz", x=BYTES, y=labels)
    arrays = cached(Arrays(str(tmp_path / "a.npz")))
    for split in ("train", "test"):
        for x, y in zip(arrays[f"{split}_images"], arrays[f"{split}_labels"], strict=True):
            np.testing.assert_array_equal(x[0], BYTES[y])
    np.savez(tmp_path / "b.npz", x_train=BYTES[:15], y_train=labels[:15], x_test=BYTES[15:])
    arrays = cached(Arrays(str(tmp_path / "b.npz")))
    np.testing.assert_array_equal(arrays["test_images"][:, 0], BYTES[15:])
    np.testing.assert_array_equal(arrays["train_labels"], labels[:15])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (BYTES / 255 - 0.5, "has levels from -0.5"),
        (BYTES.astype(np.int64) * 1000, "levels from 0 to 255000"),
        (np.where(BYTES[0, 0, 0] == BYTES, np.nan, 1.0), "finite numbers"),
        (np.zeros((20, 30)), "reshape them"),
        (np.zeros((20, 6, 5, 4)), "1 or 3 channels"),
        (np.zeros((1, 6, 5)), "N of at least 3"),
        (np.array([object()] * 4), "without Python objects"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path, array, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, array)


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"must be a \.npy or \.npz file"):
        Arrays(str(tmp_path / "missing.npy"))
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match="cannot be read"):
        cached(Arrays(str(tmp_path / "cut.npy")))
