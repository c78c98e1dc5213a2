"""The user's own split is used, and what is added later does not move what was tested on."""

import numpy as np
import pytest
from PIL import Image

from vae.data.cache import cached
from vae.data.module import DataModule
from vae.data.sources.arrays import Arrays
from vae.data.sources.images import Images
from vae.errors import ConfigError, DataError

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_CACHE", str(tmp_path / "cache"))


def folder(root, names, count=4):
    for name in names:
        (root / name).mkdir(parents=True)
        for i in range(count):
            level = RNG.integers(0, 256, (6, 5), np.uint8)
            Image.fromarray(level).save(root / name / f"{i}.png")
    return str(root)


@pytest.mark.parametrize(
    ("names", "sizes"),
    [
        (["train/a", "train/b", "test/a"], {"train": 8, "test": 4}),
        (["Train/a", "Test/a"], {"train": 4, "test": 4}),
        (["training", "testing"], {"train": 4, "test": 4}),
        (["train/a", "val/a", "test/a"], {"train": 4, "val": 4, "test": 4}),
        (["TRAIN", "Validation", "Test"], {"train": 4, "val": 4, "test": 4}),
        (["train/a", "val/a"], {"train": 3, "val": 4, "test": 1}),
        (["train/a", "train/b"], {"train": 7, "test": 1}),
    ],
)
def test_folders_say_what_is_what(tmp_path, names, sizes):
    source = Images(folder(tmp_path / "x", names))
    assert {split: len(some) for split, some in source.files.items()} == sizes
    assert not {c.lower() for c in source.classes} & {"train", "training", "val", "test"}
    assert len(cached(source)["train_images"]) == sizes["train"]


def test_a_folder_that_is_no_split_is_told(tmp_path):
    source = Images(folder(tmp_path / "x", ["cats", "test"]))
    assert source.classes == ["cats", "test"]
    assert "the folders test are taken for classes" in source.describe()


def test_a_set_that_is_validated_on_is_what_validation_sees(tmp_path):
    from torch.distributions import constraints

    source = Images(folder(tmp_path / "x", ["train", "val", "test"]))
    data = DataModule(source, constraints.unit_interval, val_size="auto", dequantize=False)
    assert [len(data.indices[s]) for s in ("train", "val", "test")] == [4, 4, 4]
    seen = {x.tobytes() for b in data.batches("val") for x in (b.x * 255).round().byte().numpy()}
    assert seen == {x.tobytes() for x in cached(source)["val_images"]}
    with pytest.raises(ConfigError, match="validation set of its own"):
        DataModule(source, constraints.unit_interval, val_size=2)


def test_a_file_like_those_of_medmnist_keeps_its_split(tmp_path):
    images = RNG.integers(0, 256, (30, 6, 5), np.uint8)
    parts = {"train": images[:15], "val": images[15:20], "test": images[20:]}
    stored = {f"{k}_images": v for k, v in parts.items()}
    stored |= {f"{k}_labels": np.zeros((len(v), 1), np.uint8) for k, v in parts.items()}
    # a key that cannot be read does not spoil those that can
    stored["notes"] = np.array([{"by": "me"}], object)
    np.savez(tmp_path / "a.npz", **stored)
    found = cached(Arrays(str(tmp_path / "a.npz")))
    for split, expected in parts.items():
        np.testing.assert_array_equal(found[f"{split}_images"][:, 0], expected)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({"x_train": (9, 30), "x_test": (3, 30)}, "reshape them"),
        ({"x_train": (9, 6, 5), "x_test": (3, 6, 6)}, "one shape"),
        ({"x_train": (9, 6, 5), "x_test": (0, 6, 5)}, "none of them 0"),
        ({"x_train": (9, 6, 5), "x_val": (2, 5, 5), "x_test": (3, 6, 5)}, "one shape"),
    ],
)
def test_a_split_of_its_own_is_checked_before_training(tmp_path, stored, message):
    np.savez(tmp_path / "a.npz", **{k: np.zeros(s, np.uint8) for k, s in stored.items()})
    with pytest.raises(DataError, match=message):
        Arrays(str(tmp_path / "a.npz"))


def test_copies_of_a_row_are_on_one_side_and_the_order_does_not_matter(tmp_path):
    unique = RNG.integers(0, 256, (20, 6, 5), np.uint8)
    rows = unique[RNG.integers(0, 20, 200)]
    np.save(tmp_path / "a.npy", rows)
    np.save(tmp_path / "b.npy", rows[::-1])
    sides = []
    for name in "ab":
        found = cached(Arrays(str(tmp_path / f"{name}.npy")))
        train, test = ({x.tobytes() for x in found[f"{s}_images"]} for s in ("train", "test"))
        assert not train & test
        sides.append((train, test))
    assert sides[0] == sides[1]


def test_data_that_has_grown_is_refused_by_evaluate_and_resume(tmp_path):
    """Rows appended after training: what was trained on would be tested on."""
    from tests.commands import FAST
    from vae.cli.command import compose
    from vae.evaluation.evaluate import evaluate
    from vae.training.loop import train

    path = tmp_path / "x.npy"
    np.save(path, RNG.integers(0, 256, (150, 6, 5), np.uint8))
    words = ("data=arrays", f"data.root={path}", "callbacks.pictures=null")
    directory = train(compose(*FAST, *words, f"run_dir={tmp_path / 'run'}")).directory
    quick = ("num_samples=2", "fid=0", "probe=0", "surgery=0", "pictures=0")

    def again(*more):
        return evaluate(compose(f"run={directory}", *quick, *more, name="evaluate"))

    assert again().test["elbo"].num_examples == 15
    # the same file elsewhere, under either name, is the same data
    (tmp_path / "there").mkdir()
    path.rename(tmp_path / "there" / "x.npy")
    again(f"data.root={tmp_path / 'there'}")
    again(f"data_root={tmp_path / 'there' / 'x.npy'}")
    train(compose(f"resume={directory}", f"data.root={tmp_path / 'there'}", "trainer.max_epochs=2"))
    (tmp_path / "there" / "x.npy").rename(path)
    np.save(path, np.concatenate([np.load(path), RNG.integers(0, 256, (70, 6, 5), np.uint8)]))
    # the best checkpoint may be of the run as it went on there
    back = f"data.root={path}"
    with pytest.raises(DataError, match="fingerprint, sizes other than the run's"):
        again(back)
    with pytest.raises(DataError, match="fingerprint"):
        train(compose(f"resume={directory}", "trainer.max_epochs=3", f"data.root={path}"))
    assert again(back, "other_data=true").data.sizes["test"] == 22
