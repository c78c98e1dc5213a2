import pytest
import torch
from torch.distributions import constraints

from vae.data.augmentation import Augmentation
from vae.data.pixels import Pixels, draw

BYTES = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)


def test_none_spreads_bytes_over_the_unit_interval():
    x = Pixels("none", dequantize=False)(BYTES)
    assert x.min() == 0
    assert x.max() == 1
    torch.testing.assert_close(x.flatten().diff(), torch.full((255,), 1 / 255))


def test_threshold_cuts_in_the_middle():
    assert Pixels("threshold", dequantize=False)(BYTES).flatten().nonzero().min() == 128


def test_dynamic_draws_are_fresh_and_have_the_grey_values_as_mean():
    pixels = Pixels("dynamic", dequantize=False)
    many = BYTES.expand(4000, 1, 16, 16)
    for index in (None, torch.arange(4000)):
        x = pixels(many, index)
        assert set(x.unique().tolist()) == {0.0, 1.0}
        p = BYTES.flatten().double() / 255
        error = (p * (1 - p) / 4000).sqrt()
        assert ((x.double().mean(0).flatten() - p).abs() <= 4.5 * error).all()
    assert not torch.equal(pixels(many), pixels(many))


def test_evaluation_draws_are_fixed_by_their_seed():
    index = torch.tensor([3, 1])
    pair = BYTES.expand(2, 1, 16, 16)
    first = Pixels("dynamic", False, 0)(pair, index)
    torch.manual_seed(99)
    assert torch.equal(first, Pixels("dynamic", False, 0)(pair, index))
    assert not torch.equal(first, Pixels("dynamic", False, 1)(pair, index))


def test_dequantised_bytes_stay_in_their_bins():
    pixels = Pixels("none", dequantize=True)
    for index in (None, torch.tensor([0])):
        x = pixels(BYTES, index)
        assert torch.equal((x * 256).floor().to(torch.uint8), BYTES)
    within = pixels(BYTES.expand(2000, 1, 16, 16)).mul(256).frac()
    assert within.mean() == pytest.approx(0.5, abs=0.005)


def test_support_says_what_comes_out():
    assert Pixels("none", False).support is constraints.unit_interval
    assert Pixels("dynamic", False).support is constraints.boolean


def test_binarising_and_dequantising_at_once_is_refused():
    with pytest.raises(ValueError, match="not both"):
        Pixels("dynamic", dequantize=True)


def test_a_draw_has_the_probability_of_its_level_to_five_digits():
    """Every value of u once: the 65,536 combinations of 16 bits."""
    words = torch.arange(-(2**15), 2**15, dtype=torch.int16).view(torch.int64)
    levels = torch.arange(256, dtype=torch.uint8)[:, None].expand(256, 2**16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "random_", lambda self, *_: self.copy_(words.repeat(256)))
        share = draw(levels).double().mean(1)
    p = levels[:, 0].double() / 255
    assert (share - p).abs().max() < 2**-16
    assert share[0] == 0
    assert share[255] == 1


def test_any_number_of_pixels_can_be_drawn():
    for count in (0, 1, 2, 3, 5):
        assert draw(torch.full((count, 1), 255, dtype=torch.uint8)).all()


def test_draws_differ_from_pixel_to_pixel():
    """All bits are random: neighbours that share a word are independent."""
    half = draw(torch.full((100_000, 4), 128, dtype=torch.uint8)).double()
    assert (torch.corrcoef(half.T).fill_diagonal_(0).abs() < 5 / 100_000**0.5).all()
    assert ((half.mean(0) - 128 / 255).abs() < 5 * 0.5 / 100_000**0.5).all()


@pytest.mark.parametrize("settings", [("none", False), ("none", True), ("threshold", False)])
def test_the_mean_is_of_the_pictures_as_they_are_however_they_are_trained_on(settings):
    images = torch.randint(256, (3000, 1, 4, 4), dtype=torch.uint8)
    some = torch.arange(0, 3000, 2)
    augmented = Pixels(*settings, augmentation=Augmentation(flip=True, crop=1))
    before = torch.get_rng_state()
    found = augmented.mean(images, some)
    assert torch.equal(before, torch.get_rng_state())
    torch.testing.assert_close(found, augmented.expected(images[some]).double().mean(0).float())
