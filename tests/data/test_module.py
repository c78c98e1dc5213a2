import itertools

import numpy as np
import pytest
import torch
from torch.distributions import constraints

from vae.data.module import DataModule
from vae.data.sources.mnist import MNIST
from vae.errors import ConfigError


def make(support=constraints.boolean, **options):
    return DataModule(MNIST(), support, **options)


@pytest.mark.parametrize(("val_size", "train_size"), [(5000, 55000), (10000, 50000), (0, 60000)])
def test_the_split_is_seeded_and_exhaustive(val_size, train_size):
    data = make(val_size=val_size)
    train, val = data.indices["train"], data.indices["val"]
    assert (len(train), len(val), len(data.indices["test"])) == (train_size, val_size, 10000)
    assert torch.equal(torch.cat([train, val]).sort().values, torch.arange(60000))
    again = make(val_size=val_size, seed=7).indices
    assert torch.equal(val, again["val"])
    if val_size:
        assert not torch.equal(val, make(val_size=val_size, split_seed=1).indices["val"])


def test_auto_follows_the_likelihood():
    assert make(constraints.boolean).pixels.binarize == "dynamic"
    cut = make(binarize="threshold", val_size=59_000)
    cut_x = cut.pixels(cut.arrays["train_images"][cut.indices["train"]])
    torch.testing.assert_close(cut.mean(), cut_x.mean(0))
    grey = make(constraints.real).pixels
    assert (grey.binarize, grey.dequantize) == ("none", True)
    assert not make(constraints.real, dequantize=False).pixels.dequantize


def test_the_mean_is_that_of_the_training_split():
    data = make(val_size=59_000)
    x = torch.cat(
        [data.pixels(b.x, torch.arange(len(b.x))) for b in data._batches("train", 100, False)]
    )
    assert x.shape == (1000, 1, 28, 28)
    assert (data.mean() - x.mean(0)).abs().max() < 4 * 0.5 / 1000**0.5
    cut = make(binarize="threshold", val_size=59_000)
    cut_x = cut.pixels(cut.arrays["train_images"][cut.indices["train"]])
    torch.testing.assert_close(cut.mean(), cut_x.mean(0))
    grey = make(constraints.real, dequantize=False, val_size=59_000)
    images = grey.arrays["train_images"][grey.indices["train"]]
    torch.testing.assert_close(grey.mean(), (images.double() / 255).mean(0).float())


@pytest.mark.parametrize(("binarize", "same"), [("static", True), ("dynamic", False)])
def test_a_static_draw_is_the_same_in_every_epoch(binarize, same):
    data = make(binarize=binarize, val_size=59_000, batch_size=100)

    def epoch():
        batches = [data.on_after_batch_transfer(b, 0) for b in data.train_dataloader()]
        return torch.cat([b.x for b in batches])

    one, two = epoch(), epoch()
    assert torch.equal(one, two) == same
    assert one.unique().tolist() == [0, 1]
    # a draw of each pixel, not a rounding
    assert (data.mean() - one.mean(0)).abs().max() < 4 * 0.5 / 1000**0.5
    other = make(binarize=binarize, val_size=59_000, evaluation_seed=1)
    assert not torch.equal(other.examples(100), data.examples(100))


def test_half_the_images_are_mirrored_where_they_are_trained_on():
    plain = make(constraints.real, dequantize=False, val_size=59_000)
    data = make(constraints.real, dequantize=False, flip=True, val_size=59_000)
    same = mirrored = 0
    for batch, other in zip(plain.train_dataloader(), data.train_dataloader(), strict=True):
        x = plain.on_after_batch_transfer(batch, 0).x
        y = data.on_after_batch_transfer(other, 0).x
        same += (y == x).flatten(1).all(1).sum()
        mirrored += (y == x.flip(-1)).flatten(1).all(1).sum()
    assert same + mirrored == 1000
    assert abs(int(same) - 500) < 4 * 250**0.5
    for one, two in zip(data.batches("val", 100), plain.batches("val", 100), strict=True):
        assert torch.equal(one.x, two.x)
        break
    with pytest.raises(ValueError, match=r"set data.binarize=dynamic, or data.flip=false"):
        make(binarize="static", flip=True)


def test_images_are_moved_where_they_are_trained_on():
    """Each is a window of numpy's own reflection, and all windows are as likely."""
    plain = make(constraints.real, dequantize=False, val_size=59_000)
    data = make(constraints.real, dequantize=False, crop=1, val_size=59_000)
    seen = torch.zeros(3, 3)
    for batch, other in zip(plain.train_dataloader(), data.train_dataloader(), strict=True):
        x = plain.on_after_batch_transfer(batch, 0).x
        y = data.on_after_batch_transfer(other, 0).x
        wide = np.pad(x.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
        found = torch.zeros(len(x))
        for dy, dx in itertools.product(range(3), repeat=2):
            window = torch.from_numpy(wide[:, :, dy : dy + 28, dx : dx + 28])
            same = (window == y).flatten(1).all(1)
            found += same
            seen[dy, dx] += same.sum()
        assert (found == 1).all()
    assert seen.sum() == 1000
    assert (seen - 1000 / 9).abs().max() < 4 * (1000 / 9) ** 0.5
    for one, two in zip(data.batches("val", 100), plain.batches("val", 100), strict=True):
        assert torch.equal(one.x, two.x)
        break


@pytest.mark.parametrize("crop", [-1, 28])
def test_an_image_is_moved_by_less_than_itself(crop):
    with pytest.raises(ValueError, match=r"data\.crop"):
        make(crop=crop)


def test_evaluation_batches_do_not_depend_on_their_size():
    data = make()
    one = torch.cat([b.x for _, b in zip(range(3), data.batches("test", 50), strict=False)])
    other = next(data.batches("test", 150)).x
    assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"binarize": "none"}, "data.binarize=dynamic"),
        ({"val_size": 60000}, "between 0 and 59999"),
        ({"val_size": -1}, "between 0 and 59999"),
        ({"batch_size": 0}, "1 or more"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        make(**options)
