import pytest
import torch
from scipy import optimize
from torch.distributions import Normal

from vae.model.distributions.optimal_normal import OptimalNormal
from vae.model.likelihoods.gaussian import Gaussian


def test_the_scale_is_the_argmax_found_numerically():
    loc, x = torch.rand(2, 6, 1, 4, 4).double(), torch.rand(6, 1, 4, 4).double()
    seen = []
    best = OptimalNormal(loc, 1e-3, seen.append).log_prob(x).sum()

    def negative(log_scale):
        return -Normal(loc, torch.tensor(log_scale).exp()).log_prob(x).sum().item()

    found = optimize.minimize_scalar(
        negative, bounds=(-5, 5), method="bounded", options={"xatol": 1e-9}
    )
    assert seen[0].sqrt().log().item() == pytest.approx(found.x, abs=1e-6)
    assert best.item() == pytest.approx(-found.fun, abs=1e-9)


def test_the_gradient_is_that_of_the_profile_likelihood():
    loc = torch.rand(3, 5).double().requires_grad_()
    x = torch.rand(3, 5).double()
    (ours,) = torch.autograd.grad(OptimalNormal(loc, 1e-3, lambda v: None).log_prob(x).sum(), loc)
    # -n/2 log MSE, whose scale is not held fixed
    (profile,) = torch.autograd.grad(-15 / 2 * (x - loc).square().mean().log(), loc)
    torch.testing.assert_close(ours, profile)


def test_evaluation_uses_the_running_average_and_not_the_example():
    likelihood = Gaussian((1, 2, 2), scale="optimal", momentum=0.5)
    loc = torch.zeros(8, 1, 2, 2)
    for scale in (0.3, 0.3, 0.1):
        likelihood.train()(loc).log_prob(torch.full_like(loc, scale))
    # 0.09, then half of 0.09 and half of 0.01
    expected = (0.5 * 0.09 + 0.5 * 0.01) ** 0.5
    d = likelihood.eval()(loc)
    torch.testing.assert_close(d.base_dist.scale, torch.full_like(loc, expected))
    one = d.log_prob(torch.rand(8, 1, 2, 2))
    assert one.shape == (8,)


def test_a_perfect_fit_stops_at_the_smallest_scale():
    x = torch.rand(4)
    log_p = OptimalNormal(x, 0.01, lambda v: None).log_prob(x)
    torch.testing.assert_close(log_p, Normal(x, torch.full_like(x, 0.01)).log_prob(x))
