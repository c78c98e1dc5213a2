"""Lookup-free quantisation against all codes, one by one, in float64."""

import itertools

import pytest
import torch
from torch.distributions import Categorical

from vae.model.posteriors.lfq import LFQ


def test_z_is_the_sign_and_the_gradient_passes_straight_through():
    f = torch.randn(20, 6).double().requires_grad_()
    q = LFQ(6, bits=3).double()(f)
    assert torch.equal(q.mean, f.sign())
    weights = torch.randn(20, 6).double()
    (gradient,) = torch.autograd.grad((q.mean * weights).sum(), f)
    torch.testing.assert_close(gradient, weights)


@pytest.mark.parametrize("places", [1, 4])
def test_the_penalty_is_a_sum_over_tokens_and_codes(places):
    torch.manual_seed(0)
    posterior = LFQ(
        24, bits=3, places=places, commitment=0.5, entropy=0.3, temperature=0.7
    ).double()
    f = torch.randn(5, 24).double()
    codes = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=3))).double()
    # a token is three channels of a place
    maps = f.reshape(5, 24 // places, places)
    tokens = [maps[:, c : c + 3, p] for p in range(places) for c in range(0, 24 // places, 3)]
    near = torch.stack([-(torch.cdist(token, codes) ** 2) / 0.7 for token in tokens], 1)
    each = Categorical(logits=near)
    used = Categorical(probs=each.probs.mean((0, 1))).entropy()
    expected = 0.5 * (f - f.sign()).square().sum(1) + 0.3 * (each.entropy().sum(1) - 8 * used)
    torch.testing.assert_close(posterior(f).penalty, expected)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"bits": 5}, "set model.posterior.bits"),
        ({"latent_dim": 32, "bits": 16}, "1 to 12"),
        ({"entropy": -1.0}, "at least 0"),
        ({"temperature": 0.0}, "positive"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        LFQ(**{"latent_dim": 6} | settings)


@pytest.mark.parametrize(("latent_dim", "places", "bits"), [(32, 1, 8), (36, 3, 12), (13, 1, 1)])
def test_a_token_has_as_many_bits_as_divide(latent_dim, places, bits):
    assert LFQ(latent_dim, places=places).bits == bits
