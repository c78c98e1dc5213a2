"""The density of a probability flow against flows whose density is known, in float64."""

import math

import pytest
import torch
from torch.distributions import (
    Categorical,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
)

from vae.model.distributions.probability_flow import ProbabilityFlow
from vae.model.networks.velocity import MapVelocity, VectorVelocity
from vae.model.priors.diffusion import Diffusion


def mixture(dim, components=3):
    torch.manual_seed(0)
    weights = torch.rand(components).double() + 0.2
    mean, scale = torch.randn(components, dim).double(), 0.3 + torch.rand(components, dim).double()
    return MixtureSameFamily(Categorical(weights), Independent(Normal(mean, scale), 1))


def exact_field(p):
    """dz/dt of the diffusion of a mixture of normals, from the posterior of its components."""
    base = p.component_distribution.base_dist

    def field(z, t):
        a, s = (math.pi / 2 * t).cos(), (math.pi / 2 * t).sin()
        variance = a**2 * base.scale**2 + s**2
        parts = Independent(Normal(a * base.loc, variance.sqrt()), 1).log_prob(z[..., None, :])
        posterior = (p.mixture_distribution.logits + parts).softmax(-1)
        off = (z[..., None, :] - a * base.loc) / variance
        # E[clean | z_t] and E[noise | z_t] of each component
        clean, noise = base.loc + a * base.scale**2 * off, s * off
        return math.pi / 2 * (posterior[..., None] * (a * noise - s * clean)).sum(-2)

    return field


def flow(p, steps):
    d = p.event_shape[0]
    zero, one = torch.zeros(d).double(), torch.ones(d).double()
    return ProbabilityFlow(exact_field(p), zero, one, steps)


@pytest.mark.parametrize("dim", [1, 3])
def test_the_density_is_that_of_what_was_diffused(dim):
    p = mixture(dim)
    z = p.sample((50,))
    errors = [(flow(p, n).log_prob(z) - p.log_prob(z)).abs().max() for n in (10, 20, 40)]
    assert errors[1] < 0.02
    # of fourth order: twice the steps, about a sixteenth of the error
    assert errors[2] < errors[1] / 8 < errors[0] / 64


def test_it_draws_what_was_diffused():
    p = mixture(1)
    z = flow(p, 20).sample((20_000,))[:, 0]
    for at in (-1.0, 0.0, 1.0):
        share = p.component_distribution.base_dist.cdf(torch.tensor(at))[:, 0]
        expected = float((p.mixture_distribution.probs * share).sum())
        assert float((z < at).double().mean()) == pytest.approx(expected, abs=0.015)


def test_a_shift_and_a_scale_move_the_density():
    p, d = mixture(2), 2
    shift, scale = torch.tensor([1.0, -2.0]).double(), torch.tensor([0.5, 3.0]).double()
    moved = ProbabilityFlow(exact_field(p), shift, scale, 20)
    z = torch.randn(3, 4, d).double()
    expected = flow(p, 20).log_prob((z - shift) / scale) - scale.log().sum()
    torch.testing.assert_close(moved.log_prob(z), expected)


def test_above_64_dimensions_the_trace_is_estimated_without_bias():
    """A linear flow, whose trace is known and whose off-diagonal makes the estimate noisy."""
    d = 70
    torch.manual_seed(0)
    a = torch.randn(d, d).double() / d
    zero, one = torch.zeros(d).double(), torch.ones(d).double()
    p = ProbabilityFlow(lambda z, t: z @ a.T, zero, one, 10)
    z = torch.randn(d).double()
    forth = torch.linalg.matrix_exp(a)
    exact = MultivariateNormal(zero, one.diag()).log_prob(forth @ z) + a.trace()
    found = p.log_prob(z.expand(4000, d))
    assert found.std() > 0.1
    assert abs(found.mean() - exact) < 4 * found.std() / 4000**0.5


@pytest.mark.parametrize("network", ["vectors", "maps"])
def test_a_network_is_told_the_time_and_gives_each_example_its_own(network):
    torch.manual_seed(0)
    made = VectorVelocity(12, 8, 2) if network == "vectors" else MapVelocity((3, 2, 2), 8, 2)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    made = made.double()
    z, t = torch.randn(5, 12).double(), torch.rand(5, 1).double()
    together = made(z, t)
    assert together.shape == (5, 12)
    for n in range(5):
        torch.testing.assert_close(made(z[n : n + 1], t[n, 0]), together[n : n + 1])
    assert (made(z, t + 0.1) - together).abs().min() > 0


@pytest.mark.slow
def test_it_is_fitted_to_codes():
    """Within a tenth of a nat of the density they came from, which no normal comes near."""
    torch.manual_seed(0)
    p = MixtureSameFamily(
        Categorical(torch.tensor([0.3, 0.7])),
        Independent(Normal(torch.tensor([[-3.0, 0.0], [3.0, 1.0]]), torch.tensor(0.5)), 1),
    )
    prior = Diffusion(2, width=64, layers=2)
    z = p.sample((5000,))
    prior.fit(z, steps=2000, batch_size=256)
    fresh = p.sample((1000,))
    with torch.no_grad():
        found = prior().log_prob(fresh)
        assert p.log_prob(fresh).mean() - found.mean() == pytest.approx(0.0, abs=0.1)
        drawn = prior.from_noise(torch.randn(2000, 2), torch.rand(2000))
    normal = Independent(Normal(z.mean(0), z.std(0)), 1).log_prob(fresh).mean()
    assert found.mean() > normal + 0.5
    assert float((drawn[:, 0] < 0).float().mean()) == pytest.approx(0.3, abs=0.05)


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        Diffusion(2, steps=0)
