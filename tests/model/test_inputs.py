"""A model says what it takes: a wrong shape or scale is refused, never answered with a number."""

import pytest
import torch

from vae.cli.command import compose
from vae.config import build as config_build
from vae.errors import DataError


@pytest.fixture(scope="module")
def models():
    made = {}
    for word in ("bernoulli", "gaussian", "categorical"):
        config = compose(f"model/likelihood={word}", "model.latent_dim=2")
        made[word] = config_build.build_model(config, (1, 8, 8)).eval()
    return made


BINARY = (torch.rand(5, 1, 8, 8) < 0.5).float()
ENTRANCES = ["encode", "log_prob", "embed", "__call__"]


@pytest.mark.parametrize("entrance", ENTRANCES)
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (BINARY[:, 0], r"shape \(B, 1, 8, 8\), got \(5, 8, 8\)"),
        (BINARY.movedim(1, -1), r"got \(5, 8, 8, 1\)"),
        (BINARY.flatten(1), r"got \(5, 64\)"),
        ((BINARY * 255).to(torch.uint8), "divide bytes by 255"),
        (BINARY * 2 - 1, "-1"),
        (BINARY * 255, "255"),
        (BINARY.log(), "inf"),
        (BINARY * torch.nan, "nan"),
    ],
)
def test_what_is_no_example_is_refused(models, entrance, x, message):
    with pytest.raises(DataError, match=message) as error:
        getattr(models["bernoulli"], entrance)(x)
    assert "\n" not in str(error.value)


def test_grey_pixels_are_encoded_but_have_no_probability(models):
    """The codes of a search are those of grey pictures, of which a Bernoulli explains none."""
    grey = torch.rand(5, 1, 8, 8)
    assert models["bernoulli"].embed(grey).shape == (5, 2)
    for entrance in ("log_prob", "__call__"):
        with pytest.raises(DataError, match="in its support"):
            getattr(models["bernoulli"], entrance)(grey)
    assert models["gaussian"].log_prob(grey, 3).log_px.shape == (5,)
    with pytest.raises(DataError, match="256 levels"):
        models["categorical"].log_prob(grey, 3)


def test_no_example_at_all_is_no_error(models):
    assert models["bernoulli"].log_prob(BINARY[:0], 3).log_px.shape == (0,)


def test_the_right_value_is_untouched(models):
    """Against the same sum by hand."""
    model, z = models["bernoulli"], torch.randn(7, 5, 2)
    q = model.encode(BINARY)
    p = model.decode(z)
    logits = p.base_dist.logits
    by_hand = -torch.nn.functional.binary_cross_entropy_with_logits(
        logits, BINARY.expand_as(logits), reduction="none"
    ).sum((-3, -2, -1))
    torch.testing.assert_close(p.log_prob(BINARY), by_hand)
    assert q.mean.shape == (5, 2)
