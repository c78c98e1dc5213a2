import itertools

import pytest
import torch
from scipy import stats

from vae.model.likelihoods.bernoulli import Bernoulli


def test_sums_to_one_over_all_binary_images():
    likelihood = Bernoulli((1, 2, 3))
    p = likelihood(3 * torch.randn(1, 2, 3, dtype=torch.float64))
    images = torch.tensor(list(itertools.product([0.0, 1.0], repeat=6)), dtype=torch.float64)
    total = p.log_prob(images.view(-1, 1, 2, 3)).exp().sum()
    torch.testing.assert_close(total, torch.ones_like(total))


def test_equals_scipy_and_sums_over_the_event():
    features = 2 * torch.randn(4, 5, 1, 3, 3, dtype=torch.float64)
    x = torch.rand(5, 1, 3, 3).round().double()
    log_px = Bernoulli((1, 3, 3))(features).log_prob(x)
    expected = stats.bernoulli.logpmf(x, features.sigmoid().numpy()).sum((-3, -2, -1))
    assert log_px.shape == (4, 5)
    torch.testing.assert_close(log_px, torch.from_numpy(expected))


@pytest.mark.parametrize("logit", [-200.0, 200.0])
def test_extreme_logits_stay_finite(logit):
    p = Bernoulli((1,))(torch.tensor([logit], dtype=torch.float64))
    assert p.log_prob(torch.tensor([1.0]).double()).item() == pytest.approx(min(logit, 0.0))


def test_features_at_have_the_mean_of_the_data():
    mean = torch.tensor([[[0.0, 0.2], [0.9, 1.0]]])
    likelihood = Bernoulli((1, 2, 2))
    expected = mean.clamp(0.001, 0.999)
    torch.testing.assert_close(likelihood(likelihood.features_at(mean)).mean, expected)


def test_half_precision_features_are_computed_in_float32():
    assert Bernoulli((1,))(torch.zeros(1, dtype=torch.bfloat16)).mean.dtype == torch.float32
