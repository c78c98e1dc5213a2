"""data=images: any folder of pictures."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from vae.data.cache import cached, folder_of
from vae.data.sources.images import Images
from vae.errors import DataError


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_CACHE", str(tmp_path / "cache"))


def picture(seed, height=12, width=10, mode="RGB"):
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    levels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return Image.fromarray(levels)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "pictures"
    for first, name in ((0, "cats"), (10, "dogs/small")):
        (root / name).mkdir(parents=True)
        for i in range(10):
            picture(first + i).save(root / name / f"{i}.png")
    return root


def test_labels_are_sub_folders_and_every_picture_is_in_one_split(folder):
    source = Images(str(folder))
    arrays = cached(source)
    assert source.classes == ["cats", "dogs"]
    assert (source.size, source.mode) == ((12, 10), "rgb")
    assert arrays["train_images"].shape == (18, 3, 12, 10)
    assert arrays["test_images"].shape == (2, 3, 12, 10)
    names = source.files["train"] + source.files["test"]
    assert sorted(names) == sorted(
        [f"cats/{i}.png" for i in range(10)] + [f"dogs/small/{i}.png" for i in range(10)]
    )
    for split in ("train", "test"):
        for name, x, y in zip(
            source.files[split],
            arrays[f"{split}_images"],
            arrays[f"{split}_labels"],
            strict=True,
        ):
            with Image.open(folder / name) as image:
                np.testing.assert_array_equal(np.asarray(image).transpose(2, 0, 1), x)
            assert source.classes[y] == name.split("/")[0]


def test_folders_may_say_what_is_tested(tmp_path):
    for split, count in (("train", 4), ("val", 2), ("test", 3)):
        for i in range(count):
            path = tmp_path / "x" / split / "a" / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(hash((split, i)) % 2**32).save(path)
    source = Images(str(tmp_path / "x"))
    assert {s: len(f) for s, f in source.files.items()} == {"train": 4, "val": 2, "test": 3}
    assert source.classes == ["a"]


def test_copies_of_a_picture_are_on_one_side(tmp_path):
    root = tmp_path / "x"
    root.mkdir()
    for i in range(60):
        picture(i % 10).save(root / f"{i}.png")
    source = Images(str(root), test_share=0.15)
    sides = {}
    for split, names in source.files.items():
        for name in names:
            sides.setdefault(int(name.split(".")[0]) % 10, set()).add(split)
    assert all(len(side) == 1 for side in sides.values())


def test_the_key_is_the_content(folder, tmp_path):
    before = Images(str(folder)).fingerprint
    os.utime(folder / "cats" / "0.png", (1, 1))
    assert Images(str(folder)).fingerprint == before
    shutil.copytree(folder, tmp_path / "copy")
    assert Images(str(tmp_path / "copy")).fingerprint == before
    assert Images(str(folder), size=(8, 8)).fingerprint != before
    picture(99).save(folder / "cats" / "0.png")
    assert Images(str(folder)).fingerprint != before


def test_unreadable_files_are_left_out_and_listed(folder, capsys):
    (folder / "cats" / "broken.png").write_bytes(b"not a picture")
    whole = (folder / "cats" / "1.png").read_bytes()
    (folder / "cats" / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"at most 1% of the files.*but 2 of 22 are"):
        cached(Images(str(folder)))
    source = Images(str(folder), max_unreadable=0.2)
    arrays = cached(source)
    assert len(arrays["train_images"]) + len(arrays["test_images"]) == 20
    listed = (folder_of(source) / "unreadable.txt").read_text()
    assert "cats/broken.png" in listed
    assert "cats/cut.png" in listed
    assert "2 of 22 files are unreadable and left out" in capsys.readouterr().out
    names = source.names("train", arrays["train_kept"])
    for name, x in zip(names, arrays["train_images"], strict=True):
        with Image.open(folder / name) as image:
            np.testing.assert_array_equal(np.asarray(image).transpose(2, 0, 1), x)


@pytest.mark.parametrize(
    ("words", "message"),
    [({"test_share": 0.0}, "between 0 and 1"), ({"max_unreadable": 1.0}, "between 0 and 1")],
)
def test_bad_settings_are_refused(folder, words, message):
    with pytest.raises(ValueError, match=message):
        Images(str(folder), **words)


def test_what_was_unreadable_is_tried_again(folder):
    path = folder / "cats" / "broken.png"
    whole = (folder / "cats" / "1.png").read_bytes()
    path.write_bytes(b"not a picture".ljust(len(whole)))
    os.utime(path, (1, 1))
    with pytest.raises(DataError, match="but 1 of 21 are"):
        cached(Images(str(folder)))
    # the same size and time, as after a disk that failed for a while
    path.write_bytes(whole)
    os.utime(path, (1, 1))
    arrays = cached(Images(str(folder)))
    assert len(arrays["train_images"]) + len(arrays["test_images"]) == 21


def test_odd_names_and_links_in_circles_are_no_trouble(folder):
    (folder / "cats" / "loop").symlink_to(folder)
    shutil.copy(folder / "cats" / "1.png", os.fsencode(folder / "cats") + b"/na\xefve.png")
    source = Images(str(folder))
    assert sum(map(len, source.files.values())) == 21
    assert len(cached(source)["train_images"]) + len(cached(source)["test_images"]) == 21


def test_a_look_passes_over_what_is_unreadable(tmp_path):
    for i in range(5):
        picture(i, mode="L").save(tmp_path / f"{i}.png")
    whole = (tmp_path / "0.png").read_bytes()
    (tmp_path / "0.png").write_bytes(whole[: len(whole) // 2])
    source = Images(str(tmp_path))
    assert (source.size, source.mode) == ((12, 10), "grey")


def test_a_third_folder_beside_train_and_test_is_refused(tmp_path):
    for name in ("train/a", "test/a", "unlabeled"):
        (tmp_path / name).mkdir(parents=True)
        for i in range(3):
            picture(i).save(tmp_path / name / f"{i}.png")
    with pytest.raises(DataError, match="also has unlabeled"):
        Images(str(tmp_path))


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "text.txt").write_text("no picture")
    with pytest.raises(DataError, match="has 0 below it"):
        Images(str(tmp_path))


@pytest.mark.parametrize("kind", ["jpg", "bmp", "gif", "tiff", "webp", "ppm"])
def test_any_common_format_is_read(tmp_path, kind):
    for i in range(3):
        picture(i).save(tmp_path / f"{i}.{kind}")
    assert cached(Images(str(tmp_path)))["train_images"].shape[1:] == (3, 12, 10)


def test_cmyk_and_grey_and_colour_may_be_mixed(tmp_path):
    picture(0).convert("CMYK").save(tmp_path / "a.jpg")
    picture(1, mode="L").save(tmp_path / "b.png")
    picture(2, 30, 50).save(tmp_path / "c.png")
    source = Images(str(tmp_path))
    assert (source.size, source.mode) == ((64, 64), "rgb")
    assert cached(source)["train_images"].shape == (2, 3, 64, 64)
