"""Images with known factors: drawn here, or from the published files."""

import numpy as np
import pytest
import torch
from torch.distributions import constraints

from vae.data.module import DataModule
from vae.data.sources.dsprites import DSprites
from vae.data.sources.shapes import INSIDE, Shapes
from vae.data.sources.shapes3d import Shapes3D
from vae.errors import DataError

SMALL = {"scales": 2, "orientations": 4, "positions": 4, "size": 44}


@pytest.fixture
def shapes(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_CACHE", str(tmp_path))
    return DataModule(Shapes(**SMALL, test_share=0.25), constraints.boolean, val_size=10)


def test_the_counts_are_dsprites(shapes):
    assert np.prod(Shapes().counts) == 737_280
    assert Shapes().counts == DSprites.counts
    total = 3 * 2 * 4 * 4 * 4
    assert len(shapes.indices["test"]) == total // 4
    assert len(shapes.arrays["train_images"]) == total - total // 4


def test_each_image_is_of_its_factors(shapes):
    """The centre of mass is at x and y, and the area grows with the scale alone."""
    images = torch.cat([shapes.arrays["train_images"], shapes.arrays["test_images"]]).float() / 255
    known = torch.cat([shapes.arrays["train_attributes"], shapes.arrays["test_attributes"]])
    assert images.unique().tolist() == [0, 1]
    area = images.sum((1, 2, 3))
    rows, columns = torch.meshgrid(torch.arange(44.0), torch.arange(44.0), indexing="ij")
    x = (images[:, 0] * columns).sum((1, 2)) / area
    y = (images[:, 0] * rows).sum((1, 2)) / area
    shape, scale = known[:, 0] * 2, known[:, 1]
    # a square and an ellipse have their centre where they are; a pixel from place to place
    even = shape < 2
    torch.testing.assert_close(x[even], 20 + 3 * known[even, 3], atol=0.26, rtol=0)
    torch.testing.assert_close(y[even], 20 + 3 * known[even, 4], atol=0.26, rtol=0)
    for kind, exact in enumerate([2.0, np.pi / 2]):
        for s, radius in ((0, 10), (1, 20)):
            own = area[(shape == kind) & (scale == s)]
            assert own.mean().item() == pytest.approx(exact * radius**2, rel=0.12)
    # every combination once
    assert len(known.unique(dim=0)) == len(known)
    assert torch.equal(
        torch.cat([shapes.arrays["train_labels"], shapes.arrays["test_labels"]]).float(), shape
    )


def test_a_quarter_turn_is_the_image_turned():
    source = Shapes(scales=1, orientations=4, positions=1, size=21)
    for inside in INSIDE.values():
        up, left = (source.drawn(inside, 1.0, a) for a in (0.0, np.pi / 2))
        assert (np.rot90(up) != left).mean() < 0.01
    heart = source.drawn(INSIDE["heart"], 1.0, 0.0)
    assert (heart == heart[:, ::-1]).all()
    # it stands on its point
    assert heart[:11].sum() > heart[11:].sum()
    assert heart[-2:].sum() <= 255 * 3


@pytest.mark.parametrize("words", [{"scales": 0}, {"size": 10}, {"test_share": 1.0}])
def test_what_cannot_be_drawn_is_refused(words):
    with pytest.raises(ValueError, match=r"at least|share"):
        Shapes(**SMALL | words)


def test_dsprites_are_read_from_their_file(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_CACHE", str(tmp_path))
    monkeypatch.setattr(DSprites, "counts", [3, 2, 2, 2, 2])
    monkeypatch.setattr("vae.data.sources.dsprites.CHUNK", 7)
    images = np.random.default_rng(0).integers(0, 2, (48, 64, 64)).astype(np.uint8)
    np.savez_compressed(tmp_path / DSprites.file, imgs=images)
    data = DataModule(DSprites(str(tmp_path)), constraints.boolean, val_size=3)
    found = torch.cat([data.arrays["train_images"], data.arrays["test_images"]])
    known = torch.cat([data.arrays["train_attributes"], data.arrays["test_attributes"]])
    # back into the grid's order
    values = (known * torch.tensor([2, 1, 1, 1, 1])).round().long()
    grid = (values * torch.tensor([16, 8, 4, 2, 1])).sum(1)
    assert torch.equal(found[grid.argsort()][:, 0], torch.from_numpy(images) * 255)


def test_another_file_is_no_dsprites(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_CACHE", str(tmp_path))
    path = tmp_path / "mine.npz"
    np.savez(path, imgs=np.zeros((3, 64, 64), np.uint8))
    for given, message in ((None, "add data.root="), (tmp_path / "none", "no .*none; name it")):
        with pytest.raises(DataError, match=message):
            DSprites(given and str(given))
    with pytest.raises(DataError, match=r"another file or damaged .*download it again"):
        DataModule(DSprites(str(path)), constraints.boolean)
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match="download it again"):
        DataModule(DSprites(str(path)), constraints.boolean)


def test_shapes3d_are_read_from_their_file(tmp_path, monkeypatch):
    h5py = pytest.importorskip("h5py")
    monkeypatch.setenv("VAE_CACHE", str(tmp_path))
    monkeypatch.setattr(Shapes3D, "counts", [2, 2, 2, 2, 2, 2])
    images = np.random.default_rng(0).integers(0, 256, (64, 64, 64, 3)).astype(np.uint8)
    with h5py.File(tmp_path / Shapes3D.file, "w") as file:
        file["images"] = images
    data = DataModule(Shapes3D(str(tmp_path)), constraints.real, val_size=3)
    found = torch.cat([data.arrays["train_images"], data.arrays["test_images"]])
    known = torch.cat([data.arrays["train_attributes"], data.arrays["test_attributes"]])
    grid = (known.round().long() * torch.tensor([32, 16, 8, 4, 2, 1])).sum(1)
    assert torch.equal(found[grid.argsort()], torch.from_numpy(images).permute(0, 3, 1, 2))
    labels = torch.cat([data.arrays["train_labels"], data.arrays["test_labels"]])
    assert torch.equal(labels.long(), known[:, 4].long())
