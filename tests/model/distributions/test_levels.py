"""The distributions over 256 levels."""

import numpy as np
import pytest
import torch
from scipy import stats

from vae.model.distributions.categorical_levels import CategoricalLevels
from vae.model.distributions.discretized_logistic import DiscretizedLogisticMixture
from vae.model.distributions.levels import bytes_

GRID = torch.arange(256).double() / 255
CASES = [(0.5, 0.1), (0.0, 0.01), (1.0, 0.001), (-0.7, 0.05), (0.3, 1e-5), (0.5, 30.0), (3.0, 0.2)]


def logistic(loc, scale):
    one = torch.tensor([loc, scale], dtype=torch.float64)
    return DiscretizedLogisticMixture(torch.zeros(1).double(), one[:1], one[1:])


@pytest.mark.parametrize(("loc", "scale"), CASES)
def test_the_discretized_logistic_sums_to_one(loc, scale):
    assert logistic(loc, scale).log_prob(GRID).exp().sum().item() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("loc", "scale"), [(0.5, 0.1), (0.2, 0.03), (-0.1, 0.05), (1.1, 0.4)])
def test_each_level_has_the_mass_of_scipys_logistic(loc, scale):
    edges = np.concatenate([[-np.inf], (np.arange(255) + 0.5) / 255, [np.inf]])
    masses = np.diff(stats.logistic(loc, scale).cdf(edges))
    np.testing.assert_allclose(
        logistic(loc, scale).log_prob(GRID).exp(), masses, rtol=1e-9, atol=1e-14
    )


def test_mass_far_from_the_mean_is_finite_and_has_a_gradient():
    loc = torch.tensor([0.0], requires_grad=True)
    scale = torch.tensor([1e-3], requires_grad=True)
    log_p = DiscretizedLogisticMixture(torch.zeros(1), loc, scale).log_prob(torch.tensor(1.0))
    # (1 - 1/510) / 0.001 standard units away
    assert log_p.item() == pytest.approx(-998.04, abs=0.1)
    log_p.backward()
    assert loc.grad.isfinite().all()
    assert scale.grad.isfinite().all()


def mixture():
    weights, loc, scale = torch.tensor(
        [[0.2, 0.5, 0.3], [0.1, 0.55, 1.2], [0.02, 0.1, 0.3]], dtype=torch.float64
    )
    return weights, loc, scale, DiscretizedLogisticMixture(weights.log(), loc, scale)


def test_a_mixture_is_the_weighted_sum_of_its_components():
    weights, loc, scale, mixed = mixture()
    parts = [
        w * logistic(m, s).log_prob(GRID).exp() for w, m, s in zip(weights, loc, scale, strict=True)
    ]
    torch.testing.assert_close(mixed.log_prob(GRID).exp(), sum(parts))
    assert mixed.log_prob(GRID).exp().sum().item() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("d", [mixture()[3], logistic(0.3, 0.1)], ids=["mixture", "one"])
def test_mean_and_samples_are_those_of_the_masses(d):
    p = d.log_prob(GRID).exp()
    assert d.mean.item() == pytest.approx((GRID * p).sum().item(), abs=1e-9)
    x = d.sample((100_000,))
    assert bytes_.check(x).all()
    seen = torch.bincount((x * 255).round().long(), minlength=256).double() / 100_000
    # half the absolute difference: about sqrt(levels / samples) for equal distributions
    assert (seen - p).abs().sum() / 2 < 0.05


def test_the_categorical_is_a_softmax_over_levels():
    logits = torch.randn(3, 256, dtype=torch.float64)
    d = CategoricalLevels(logits)
    table = torch.stack([d.log_prob(level.expand(3)) for level in GRID])
    torch.testing.assert_close(table, logits.log_softmax(-1).T)
    torch.testing.assert_close(d.mean, (GRID[:, None] * table.exp()).sum(0))
    x = d.sample((50_000,))
    assert x.shape == (50_000, 3)
    assert ((x.mean(0) - d.mean).abs() < 4 * x.std(0) / 50_000**0.5).all()


def test_levels_are_told_from_what_lies_between_them():
    assert bytes_.check(torch.arange(256) / 255).all()
    assert not bytes_.check(torch.tensor([0.5 / 255, -1 / 255, 256 / 255])).any()
