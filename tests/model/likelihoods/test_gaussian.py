import pytest
import torch
from scipy import integrate, stats

from vae.errors import ConfigError
from vae.model.likelihoods.gaussian import Gaussian

SCALES = [0.3, "shared", "per_pixel"]


def density(likelihood, features):
    p = likelihood(features)
    return lambda x: p.log_prob(torch.tensor([x], dtype=torch.float64)).exp().item()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("loc", [-0.4, 0.5, 1.0])
def test_integrates_to_one(scale, loc):
    likelihood = Gaussian((1,), scale=scale).double()
    features = torch.full(likelihood.feature_shape, loc, dtype=torch.float64)
    total, _ = integrate.quad(density(likelihood, features), loc - 20, loc + 20, points=[loc])
    assert total == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize("scale", SCALES)
def test_equals_scipy_with_its_constant(scale):
    likelihood = Gaussian((2, 3, 3), scale=scale, initial_scale=0.2).double()
    features = torch.randn(4, 5, *likelihood.feature_shape, dtype=torch.float64)
    x = torch.rand(5, 2, 3, 3, dtype=torch.float64)
    loc = features[:, :, :2]
    if scale == "per_pixel":
        sigma = features[:, :, 2:].exp().log1p() + likelihood.min_scale
    else:
        sigma = torch.tensor(0.3 if scale == 0.3 else 0.2, dtype=torch.float64)
    expected = stats.norm.logpdf(x, loc, sigma).sum((-3, -2, -1))
    torch.testing.assert_close(likelihood(features).log_prob(x), torch.from_numpy(expected))


def test_the_best_shared_scale_is_the_root_mean_square_error():
    likelihood = Gaussian((1, 4, 4), scale="shared").double()
    x, loc = torch.rand(2, 50, 1, 4, 4, dtype=torch.float64)
    optimizer = torch.optim.LBFGS(likelihood.parameters(), max_iter=100)

    def closure():
        optimizer.zero_grad()
        loss = -likelihood(loc).log_prob(x).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    found = likelihood(loc).base_dist.scale.flatten()[0]
    torch.testing.assert_close(found, (x - loc).square().mean().sqrt(), rtol=1e-4, atol=0)


@pytest.mark.parametrize("scale", SCALES)
def test_features_at_have_the_mean_of_the_data_and_the_initial_scale(scale):
    mean = torch.rand(1, 3, 3)
    likelihood = Gaussian((1, 3, 3), scale=scale, initial_scale=0.25)
    p = likelihood(likelihood.features_at(mean))
    torch.testing.assert_close(p.mean, mean)
    expected = torch.full_like(mean, 0.3 if scale == 0.3 else 0.25)
    torch.testing.assert_close(p.stddev, expected)


@pytest.mark.parametrize(
    "options", [{"scale": 0.0}, {"scale": -1.0}, {"initial_scale": 0.0}, {"min_scale": 0.0}]
)
def test_scales_that_are_not_positive_are_refused(options):
    with pytest.raises(ConfigError, match="must be positive"):
        Gaussian((1,), **options)
