import pytest
import torch

from vae.data.batches import Batches

IMAGES = torch.arange(103, dtype=torch.uint8).view(103, 1, 1, 1)
LABELS = torch.arange(103)
INDICES = torch.arange(3, 103)


def make(**options):
    return Batches(IMAGES, LABELS, INDICES, **options)


def seen(batches):
    return torch.cat([batch.x.flatten() for batch in batches]).tolist()


def test_evaluation_visits_every_example_once_in_order():
    batches = make(batch_size=32)
    assert len(batches) == len(list(batches)) == 4
    assert seen(batches) == INDICES.tolist()


def test_training_visits_every_example_once_in_a_new_order_each_epoch():
    epoch = 0
    batches = make(batch_size=32, epoch=lambda: epoch)
    first = seen(batches)
    assert first == seen(batches)
    epoch = 1
    second = seen(batches)
    assert first != second
    assert sorted(first) == sorted(second) == INDICES.tolist()
    assert all(batch.example is None for batch in batches)


def test_images_keep_their_labels():
    for batch in make(batch_size=7, epoch=lambda: 5):
        assert torch.equal(batch.x.flatten().long(), batch.label)


def test_seed_zero_is_a_seed():
    orders = {tuple(seen(make(batch_size=9, epoch=lambda: 0, seed=s))) for s in (0, 1, 2)}
    assert len(orders) == 3


@pytest.mark.parametrize("world_size", [2, 3])
def test_training_ranks_share_each_batch_equally(world_size):
    ranks = [
        list(make(batch_size=12, epoch=lambda: 0, rank=r, world_size=world_size))
        for r in range(world_size)
    ]
    single = list(make(batch_size=12, epoch=lambda: 0))
    for i, parts in enumerate(zip(*ranks, strict=True)):
        assert len({len(part.x) for part in parts}) == 1
        together = {p for part in parts for p in part.x.flatten().tolist()}
        assert together <= set(single[i].x.flatten().tolist())
    total = sum(len(batch.x) for rank in ranks for batch in rank)
    assert total == 100 - 100 % world_size


@pytest.mark.parametrize("world_size", [2, 3, 7])
def test_evaluation_ranks_cover_every_example_once_in_as_many_batches(world_size):
    ranks = [list(make(batch_size=33, rank=r, world_size=world_size)) for r in range(world_size)]
    assert len({len(rank) for rank in ranks}) == 1
    assert sorted(i for rank in ranks for i in seen(rank)) == INDICES.tolist()
