"""The priors that are learned."""

import copy
import math
import re

import pytest
import torch
from torch import nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vae.model import VAE
from vae.model.distributions.zuko import NormalizingFlow
from vae.model.likelihoods.bernoulli import Bernoulli
from vae.model.posteriors.diagonal_normal import DiagonalNormal
from vae.model.posteriors.full_covariance_normal import FullCovarianceNormal
from vae.model.priors import fitting
from vae.model.priors.flow import Flow
from vae.model.priors.mixture_of_gaussians import MixtureOfGaussians
from vae.model.priors.vampprior import VampPrior

pytestmark = pytest.mark.slow


def vampprior(posterior, k=5):
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(4, posterior.feature_shape[0])).double()
    return encoder, VampPrior(
        (1, 2, 2), encoder, posterior, k, examples=lambda n: torch.rand(n, 1, 2, 2).double()
    )


@pytest.mark.parametrize("posterior", [DiagonalNormal(3), FullCovarianceNormal(3)])
def test_a_vampprior_is_the_mean_of_the_pseudo_inputs_posteriors(posterior):
    encoder, prior = vampprior(posterior)
    z = torch.randn(2, 7, 3).double()
    by_hand = torch.stack(
        [
            posterior(encoder(u[None])).log_prob(z[..., None, :])[..., 0].exp()
            for u in prior.pseudo_inputs
        ]
    ).mean(0)
    torch.testing.assert_close(prior().log_prob(z).exp(), by_hand)
    assert prior().event_shape == (3,)
    assert prior().sample((6,)).shape == (6, 3)


def test_a_vampprior_moves_its_pseudo_inputs_and_the_encoder():
    encoder, prior = vampprior(DiagonalNormal(3))
    prior().log_prob(torch.randn(7, 3).double()).sum().backward()
    for parameter in (prior.pseudo_inputs, *encoder.parameters()):
        assert parameter.grad.isfinite().all()
        assert parameter.grad.any()


def test_a_vampprior_does_not_count_the_encoder_twice():
    _, prior = vampprior(DiagonalNormal(3))
    assert [name for name, _ in prior.named_parameters()] == ["pseudo_inputs"]
    assert list(prior.state_dict()) == ["pseudo_inputs"]


def test_a_copy_of_the_model_has_a_vampprior_of_its_own():
    posterior = DiagonalNormal(3)
    encoder, prior = vampprior(posterior)
    model = VAE(encoder, nn.Linear(3, 4), posterior, prior, Bernoulli((4,)))
    other = copy.deepcopy(model)
    assert other.prior.borrowed[0] is other.encoder
    z = torch.randn(2, 3).double()
    before = other.prior().log_prob(z)
    model.encoder[1].weight.data.mul_(3)
    torch.testing.assert_close(other.prior().log_prob(z), before)
    assert not torch.allclose(model.prior().log_prob(z), before)


def test_a_mixture_is_its_parameters():
    prior = MixtureOfGaussians(2, components=4).double()
    for parameter in prior.parameters():
        nn.init.normal_(parameter)
    exact = MixtureSameFamily(
        Categorical(logits=prior.logits), Independent(Normal(prior.loc, prior.log_scale.exp()), 1)
    )
    z = torch.randn(9, 2).double()
    torch.testing.assert_close(prior().log_prob(z), exact.log_prob(z))


@pytest.mark.parametrize("kind", ["affine", "spline"])
@pytest.mark.parametrize("latent_dim", [1, 2])
def test_a_flow_integrates_to_one(kind, latent_dim):
    prior = Flow(latent_dim, kind, transforms=2, hidden=(8,)).double()
    for parameter in prior.parameters():
        nn.init.normal_(parameter, std=0.3)
    side = torch.linspace(-15, 15, 801).double()
    grid = torch.stack(torch.meshgrid(*[side] * latent_dim, indexing="ij"), -1).flatten(0, -2)
    total = prior().log_prob(grid).exp().sum() * (side[1] - side[0]) ** latent_dim
    assert total.item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("kind", ["affine", "spline"])
def test_a_flow_is_made_of_coupling_layers(kind):
    prior = Flow(6, kind, transforms=4, hidden=(8,))
    assert isinstance(prior(), NormalizingFlow)
    assert {layer.passes for layer in prior.flow.transform.transforms} == {2}
    z = prior().sample((1000,))
    assert z.shape == (1000, 6)
    assert z.isfinite().all()


def two_blobs(n=3000):
    z = 0.3 * torch.randn(n, 2)
    z[:, 0] += torch.where(torch.rand(n) < 0.5, 2.0, -2.0)
    return z


@pytest.mark.parametrize("unit", [1.0, 30.0])
@pytest.mark.parametrize(
    "kind", [lambda: MixtureOfGaussians(2, components=2), lambda: Flow(2, "spline", transforms=3)]
)
def test_a_fitted_prior_explains_what_it_was_fitted_to(kind, unit):
    """In whatever units an autoencoder's codes are."""
    prior = kind()
    short = {"steps": 500} if isinstance(prior, Flow) else {}
    prior.fit(unit * two_blobs(), seed=0, **short)
    # the entropy of two blobs: log 2 and that of a normal with scale 0.3 in two dimensions
    best = -(math.log(2) + 2 * (0.5 * math.log(2 * math.pi * 0.09) + 0.5)) - 2 * math.log(unit)
    with torch.no_grad():
        found = prior().log_prob(unit * two_blobs()).mean()
    assert best - 0.1 < found < best + 0.1
    assert (prior().sample((2000,))[:, 0].abs() > unit).float().mean() > 0.9


def test_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1 component"):
        MixtureOfGaussians(2, components=0)
    with pytest.raises(ValueError, match="at least 1 transform"):
        Flow(2, transforms=0)
    with pytest.raises(ValueError, match="at least 1 pseudo-input"):
        VampPrior((1, 2, 2), nn.Identity(), DiagonalNormal(2), 0)


def test_a_fit_says_how_far_it_is(monkeypatch):
    monkeypatch.setattr(fitting, "EVERY", 0.0)
    said = []
    Flow(2, transforms=1).fit(two_blobs(), steps=4, batch_size=8, say=said.append)
    assert len(said) == 4
    assert re.fullmatch(r"step 2 of 4, loss -?\d+\.\d\d, \d+ s left", said[1])
