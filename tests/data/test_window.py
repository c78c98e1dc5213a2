import numpy as np
import pytest
import torch

from vae.data import batches
from vae.data.batches import Batches
from vae.data.order import shuffled
from vae.data.window import Window


@pytest.fixture(params=["in memory", "mapped"])
def array(request, tmp_path):
    values = np.arange(1000 * 6, dtype=np.int64).astype(np.uint8).reshape(1000, 1, 2, 3)
    if request.param == "in memory":
        return values
    np.save(tmp_path / "images.npy", values)
    return np.load(tmp_path / "images.npy", mmap_mode="c")


@pytest.mark.parametrize("size", [64, 100, 5000])
def test_gives_what_the_array_holds_at_any_places(array, size):
    some = torch.arange(1000)[torch.rand(1000) > 0.1]
    order = shuffled(some, torch.Generator().manual_seed(0), 16, size // 16 or 1)
    window = Window(array, order, size)
    for places in torch.arange(1, len(order), 2).split(37):
        expected = torch.from_numpy(np.asarray(array))[order[places]]
        assert torch.equal(window.take(places), expected)


def test_an_epoch_in_blocks_serves_every_example_once_to_some_rank(array, monkeypatch):
    monkeypatch.setattr(batches, "BLOCK", 32)
    monkeypatch.setattr(batches, "WINDOW", 3)
    images, labels = torch.from_numpy(np.asarray(array)), torch.arange(1000)
    indices = torch.arange(1, 1000)
    served = []
    for rank in range(3):
        loader = Batches(
            images,
            labels,
            indices,
            batch_size=30,
            epoch=lambda: 0,
            rank=rank,
            world_size=3,
            mapped=array,
        )
        assert len(list(loader)) == len(loader)
        for batch in loader:
            assert torch.equal(batch.x, images[batch.label])
            served.append(batch.label)
    assert torch.equal(torch.cat(served).sort().values, indices)
