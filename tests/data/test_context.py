"""Classes and attributes of examples, from arrays and from folders, reach every batch."""

import numpy as np
import pytest
import torch
from PIL import Image

from vae.cli.command import compose
from vae.config.build import build_data
from vae.data.context import checked, read_csv
from vae.errors import DataError


@pytest.fixture
def arrays(tmp_path):
    """A file whose attributes say of each image what its first pixels are."""

    def make(attributes=None, labels=None, **more):
        g = np.random.default_rng(0)
        images = g.integers(0, 256, (60, 8, 8), dtype=np.uint8)
        known = images.reshape(60, -1)[:, :3].astype(np.float64) if attributes is None else None
        given = {"attributes": known if attributes is None else attributes}
        given |= {"labels": np.arange(60) % 3 if labels is None else labels}
        np.savez(tmp_path / "a.npz", images=images, **given, **more)
        return compose(
            "data=arrays",
            f"data.root={tmp_path / 'a.npz'}",
            "data.val_size=5",
            "data.batch_size=8",
            "data.levels=[0,255]",
            "model.likelihood.scale=1",
            "model/likelihood=gaussian",
        )

    return make


def data_of(config, condition):
    config["model"]["condition"] = condition
    return build_data(config)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_attributes_stay_with_their_images(arrays, split):
    data = data_of(arrays(), "attributes")
    assert data.context_size() == 3
    met = 0
    for batch in data.batches(split, 7):
        pixels = batch.x.flatten(1)[:, :3] * 255
        # dequantised pixels lie within one level
        assert ((pixels * 256 / 255 - batch.context).abs() < 2).all()
        met += len(batch.x)
    assert met == len(data.indices[split])
    for batch in data.train_dataloader():
        assert torch.equal(batch.x.flatten(1)[:, :3].float(), batch.context)


def test_labels_are_the_context_of_their_images(arrays):
    data = data_of(arrays(), "label")
    assert data.context_size() == 3
    for batch in data.train_dataloader():
        assert torch.equal(batch.context, batch.label)
    some = data.some(80, "val", seed=3)
    assert torch.equal(some.context, some.label)
    assert len(some.x) == 80
    assert data_of(arrays(), None).some(3).context is None


@pytest.mark.parametrize(
    ("made", "condition", "message"),
    [
        ({"labels": np.zeros(60, int)}, "label", "met in training"),
        ({"labels": np.arange(60) % 3 - 1}, "label", "from -1 to 1"),
        ({"labels": np.arange(60) * 1000}, "label", "renumber them"),
        ({"attributes": np.full((60, 2), np.nan)}, "attributes", "row 0 of .* has .nan, nan."),
        ({"attributes": np.zeros((59, 2))}, "attributes", "for each of the 60 images"),
        ({"attributes": np.array(["a"] * 60)}, "attributes", "attributes are numbers"),
    ],
)
def test_a_bad_context_is_one_sentence(arrays, made, condition, message):
    with pytest.raises(DataError, match=message) as error:
        data_of(arrays(**made), condition)
    assert "\n" not in str(error.value)


def test_data_without_attributes_says_how_to_add_them():
    with pytest.raises(DataError, match=r"add an array attributes"):
        data_of(compose("data=digits"), "attributes")


def folder(tmp_path, rows):
    for i in range(12):
        Image.fromarray(np.full((8, 8), 20 * i, np.uint8)).save(tmp_path / f"{i}.png")
    (tmp_path / "attributes.csv").write_text("\n".join(rows) + "\n")
    return compose("data=images", f"data.root={tmp_path}", "data.val_size=2", "data.size=[8,8]")


def test_a_folder_has_its_attributes_in_a_csv(tmp_path):
    config = folder(
        tmp_path, ["file,grey,twice", *(f"{i}.png,{20 * i},{40 * i}" for i in range(12))]
    )
    data = data_of(config, "attributes")
    for split in ("train", "val", "test"):
        for batch in data.batches(split, 4):
            images = data.arrays[f"{data.kind(split)}_images"].index_select(0, batch.example)
            assert torch.equal(images[:, 0, 0, 0].float(), batch.context[:, 0])
            assert torch.equal(batch.context[:, 1], 2 * batch.context[:, 0])
    # what has changed is decoded again
    changed = folder(tmp_path, ["file,grey", *(f"{i}.png,{i}" for i in range(12))])
    assert data_of(changed, "attributes").context_size() == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["file,grey", "0.png,1"], "11 have none|have none, for instance"),
        (["name,grey", "0.png,1"], "begins with the names of its columns"),
        (["file,grey", "0.png,dark"], "line 2 is 0.png,dark"),
        (["file,grey", "0.png"], "line 2 is 0.png"),
        (["file"], "begins with the names"),
    ],
)
def test_a_bad_csv_is_one_sentence(tmp_path, rows, message):
    with pytest.raises(DataError, match=message) as error:
        data_of(folder(tmp_path, rows), "attributes")
    assert "\n" not in str(error.value)


def test_a_csv_that_is_none_is_one_sentence(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="must be a CSV file"):
        read_csv(tmp_path / "a.csv")
    assert checked(np.arange(3), 3, "here").shape == (3, 1)
