"""What is just allowed, and what is just refused."""

import math

import pytest
import torch
from torch.distributions import constraints

from tests.model.linear_gaussian import LinearGaussian
from vae.errors import ConfigError, DataError
from vae.metrics.finetune import finetuned
from vae.model.importance import samples_at_once
from vae.model.inputs import check_range
from vae.model.likelihoods.gaussian import Gaussian
from vae.model.networks.conv import ConvEncoder
from vae.model.networks.mlp import MLP


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_no_likelihood_takes_what_is_no_number(value):
    check_range(torch.tensor([-1e30, 1e30]), constraints.real)
    with pytest.raises(DataError, match="takes pixels from 0 to 1"):
        check_range(torch.tensor([0.5, value]), constraints.real)


def test_a_learned_scale_starts_above_its_least():
    Gaussian((2,), scale="shared", initial_scale=0.11, min_scale=0.1)
    with pytest.raises(ConfigError, match="start above min_scale"):
        Gaussian((2,), scale="shared", initial_scale=0.1, min_scale=0.1)


def test_networks_may_be_one_wide_and_have_no_convolution():
    assert MLP((3,), (2,), hidden=(1,))(torch.zeros(4, 3)).shape == (4, 2)
    assert ConvEncoder((3, 4, 5), (2,), channels=(), hidden=())(torch.zeros(2, 3, 4, 5)).shape == (
        2,
        2,
    )


@pytest.mark.parametrize(("hidden", "largest"), [((), 16), ((50,), 100)])
def test_memory_counts_the_largest_layer_or_the_features_and_the_prior(hidden, largest):
    """Numbers of 4 bytes: what an activation of 50 takes and gives, or 4 of each of 4 features."""
    model = LinearGaussian().model
    model.decoder = MLP((2,), (4,), hidden=hidden).double()
    q = model.encode(torch.zeros(1, 4).double())
    each = largest + model.prior.numbers_per_sample
    for examples in (1, 7):
        memory = 4 * each * examples / 1e6
        assert samples_at_once(model, q, examples, 10 * memory + 1e-9) == 10
        assert samples_at_once(model, q, examples, 9.99 * memory) == 9
        assert samples_at_once(model, q, examples, 0.0) == 1


def test_a_fitted_proposal_has_the_true_posteriors_correlation():
    exact = LinearGaussian()
    exact.model.decoder.weight.data @= torch.tensor([[1.0, 0.9], [0.0, 1.0]]).double()
    fitted = finetuned(exact.model, exact.x, 10, steps=400, learning_rate=0.05)
    # an exact proposal's samples all have the same weight
    assert bool((fitted.effective > 9.5).all())
