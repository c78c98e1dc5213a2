"""Samples, against the densities and the noise they are made of."""

import math

import pytest
import torch

from vae.model.distributions.continuous_bernoulli import ContinuousBernoulli
from vae.model.distributions.delta import Delta
from vae.model.distributions.discretized_logistic import DiscretizedLogisticMixture


def test_a_mixture_draws_each_pixel_of_its_own_component():
    """One component each has all the weight, and no width."""
    which = torch.tensor([[0, 1, 2], [2, 0, 1]])
    loc = torch.tensor([0.2, 0.4, 0.8]).expand(2, 3, 3)
    log_weights = torch.full((2, 3, 3), -math.inf).scatter(-1, which[..., None], 0.0)
    p = DiscretizedLogisticMixture(log_weights, loc, torch.full((2, 3, 3), 1e-6))
    expected = torch.tensor([0.2, 0.4, 0.8])[which]
    for shape in ((), (4,), (4, 5)):
        torch.testing.assert_close(p.sample(shape), expected.expand(*shape, 2, 3))


def test_a_continuous_bernoulli_follows_its_logit_at_zero_too():
    """dE[x]/dl = Var(x), 1/12 at l = 0, and samples are continuous in l where the formula ends."""
    l = torch.zeros(200_000, dtype=torch.float64, requires_grad=True)  # noqa: E741
    (slope,) = torch.autograd.grad(ContinuousBernoulli(l).rsample().sum(), l)
    assert float(slope.mean()) == pytest.approx(1 / 12, abs=1e-3)
    drawn = []
    # a positive logit mirrors what is drawn
    for value in (-9.9e-4, -1.01e-3):
        torch.manual_seed(0)
        drawn.append(ContinuousBernoulli(torch.full((1000,), value).double()).rsample())
    torch.testing.assert_close(*drawn, atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 2, 3)])
def test_a_point_has_the_batch_shape_of_what_is_before_its_last_axis(shape):
    d = Delta(torch.zeros(shape))
    assert (d.batch_shape, d.event_shape) == (shape[:-1], shape[-1:])
