"""One range of grey levels for a whole set: what was guessed wrong before, with the right value."""

import numpy as np
import pytest
from PIL import Image

from vae.data.cache import cached
from vae.data.levels import Seen, choose, to_bytes
from vae.data.sources.arrays import Arrays
from vae.data.sources.images import Images
from vae.errors import DataError

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (20, 6, 5)).astype(np.uint8)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_CACHE", str(tmp_path / "cache"))


def arrays(tmp_path, array, **words):
    np.save(tmp_path / "x.npy", array)
    return Arrays(str(tmp_path / "x.npy"), **words)


def pictures(tmp_path, images, kind="tiff", **words):
    root = tmp_path / "pictures"
    root.mkdir(exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image).save(root / f"{i:02}.{kind}")
    return Images(str(root), **words)


def together(source):
    found = cached(source)
    rows = np.concatenate([found["train_images"], found["test_images"]])
    return {row.tobytes() for row in rows}


def rows(expected):
    return {row[None].tobytes() for row in np.asarray(expected, np.uint8)}


def test_floats_barely_outside_are_refused_and_clipped_on_demand(tmp_path, capsys):
    floats = (BYTES / 255 * 1.01).astype(np.float32)
    with pytest.raises(DataError, match=r"levels from 0 to 1\.01; .*data\.levels=.*\[0,1\]"):
        arrays(tmp_path, floats)
    source = arrays(tmp_path, floats, levels=(0.0, 1.0))
    assert "are clipped" in source.describe()
    expected = np.rint((floats.astype(np.float64) * 255).clip(0, 255))
    assert together(source) == rows(expected)
    assert "pixels outside data.levels were clipped" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["arrays", "png"])
def test_masks_of_zeros_and_ones_are_black_and_white(tmp_path, kind):
    masks = (BYTES > 127).astype(np.uint8)
    source = arrays(tmp_path, masks) if kind == "arrays" else pictures(tmp_path, masks, "png")
    assert together(source) == rows(masks * 255)
    assert "taken for black and white" in source.describe()
    words = {"levels": (0.0, 255.0)}
    same = (
        arrays(tmp_path, masks, **words)
        if kind == "arrays"
        else Images(str(tmp_path / "pictures"), **words)
    )
    assert together(same) == rows(masks)


def test_bytes_of_two_levels_are_warned_of(tmp_path):
    assert "data.levels=[0,7]" in arrays(tmp_path, (BYTES > 127) * np.uint8(7)).describe()
    assert "warning" not in arrays(tmp_path, (BYTES > 127) * np.uint8(255)).describe()
    assert "warning" not in arrays(tmp_path, BYTES).describe()


@pytest.mark.parametrize(
    ("low", "high"), [(400.0, 9360.0), (-1.0, 1.0), (0.0, 1.002), (0.0, 9.0), (0.0, 300.0)]
)
def test_float_pictures_with_a_range_of_their_own_are_refused_and_scaled_on_demand(
    tmp_path, low, high
):
    images = (BYTES / 255 * (high - low) + low).astype(np.float32)
    images[0, 0, 0], images[0, 0, 1] = low, high
    with pytest.raises(DataError, match=r"say which are black and white with data\.levels="):
        pictures(tmp_path, images)
    source = Images(str(tmp_path / "pictures"), levels=(low, high))
    wanted = np.rint((images.astype(np.float64) - low) / (high - low) * 255)
    assert together(source) == rows(wanted)


def test_a_unit_range_is_one_for_all_pictures(tmp_path):
    """Files that peak at different levels keep their levels, each as it is to the others."""
    images = (BYTES / 255).astype(np.float32) * np.linspace(0.1, 1, 20)[:, None, None]
    images = images.astype(np.float32)
    assert together(pictures(tmp_path, images)) == rows(np.rint(images.astype(np.float64) * 255))


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_whole_numbers_of_more_bits_are_spread_over_all_levels(tmp_path, bits):
    images = RNG.integers(0, 2**bits, (20, 6, 5)).astype(np.uint16)
    images[0, 0, 0] = 2**bits - 1
    source = pictures(tmp_path, images, "png")
    expected = rows(np.rint(images * (255 / (2**bits - 1))))
    assert together(source) == expected
    assert f"whole 0..{2**bits - 1:g}" in source.describe() or bits in (8, 16)
    assert together(arrays(tmp_path, images)) == expected


def test_the_brightest_picture_need_not_be_among_those_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr("vae.data.sources.images.LOOK", 2)
    images = RNG.integers(0, 1000, (20, 6, 5)).astype(np.uint16)
    images[7, 0, 0] = 4095
    source = pictures(tmp_path, images, "png")
    assert source.levels["whole"] == (0.0, 4095.0)
    # what was found is kept
    assert Images(str(tmp_path / "pictures")).fingerprint == source.fingerprint


def test_what_is_not_finite_is_refused(tmp_path):
    floats = (BYTES / 255).astype(np.float32)
    floats[3, 2, 1] = np.inf
    with pytest.raises(DataError, match="finite"):
        arrays(tmp_path, floats)
    with pytest.raises(DataError, match="unreadable"):
        cached(pictures(tmp_path, floats))


@pytest.mark.parametrize("levels", [(1.0, 1.0), (2.0, 1.0), (0.0, float("inf"))])
def test_levels_that_are_none_are_refused(tmp_path, levels):
    with pytest.raises(DataError, match="the level of black and the higher one of white"):
        arrays(tmp_path, BYTES, levels=levels)


def test_a_range_maps_its_ends_to_black_and_white():
    seen = Seen()
    seen.add(np.array([-5, 7]))
    ranges, _ = choose(seen, (-5.0, 7.0), "here")
    assert to_bytes(np.array([-9, -5, 1, 7, 9]), ranges).tolist() == [0, 0, 128, 255, 255]
