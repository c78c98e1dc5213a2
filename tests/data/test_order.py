import pytest
import torch

from vae.data import order
from vae.data.order import in_blocks, shuffled


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("block", [None, 1, 7, 50, 1000])
def test_every_example_comes_once_and_orders_differ_by_seed(block):
    indices = torch.arange(0, 999, 3)
    first, again, other = (shuffled(indices, generator(s), block, window=4) for s in (0, 0, 1))
    assert torch.equal(first.sort().values, indices)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_window_holds_whole_blocks_of_neighbours_and_no_others():
    mixed = shuffled(torch.arange(1200), generator(), block=100, window=3)
    for part in mixed.split(300):
        blocks = part.div(100, rounding_mode="floor")
        assert len(blocks.unique()) == 3
        assert blocks.bincount().max() == 100
        assert not torch.equal(part, part.sort().values)


def test_blocks_are_for_what_is_larger_than_half_the_memory(monkeypatch):
    monkeypatch.setattr(order, "physical_memory", lambda: 2000)
    assert not in_blocks("auto", 1000)
    assert in_blocks("auto", 1001)
    assert not in_blocks("full", 10**12)
    assert in_blocks("blocks", 1)


def test_the_machine_says_how_much_memory_it_has():
    assert order.physical_memory() > 1e8
