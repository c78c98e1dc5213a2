import pytest
import torch
from scipy import integrate
from torch.distributions import ContinuousBernoulli as TorchContinuousBernoulli

from vae.model.distributions.continuous_bernoulli import ContinuousBernoulli

# around 0, where lambda = 1/2; around the ends of its series; and far out
LOGITS = [0.0, 1e-6, -1e-3, 0.01, 0.0999, 0.1001, -0.3999, 0.4001, 1.0, -7.0, 30.0, -200.0]


def of(logit):
    return ContinuousBernoulli(torch.tensor(logit, dtype=torch.float64))


def density(x, logit):
    return of(logit).log_prob(torch.tensor(x, dtype=torch.float64)).exp().item()


def integral(f, logit):
    # a far logit puts everything at one end
    return integrate.quad(f, 0, 1, points=[0.01, 0.05, 0.95, 0.99], epsabs=1e-12, limit=200)[0]


@pytest.mark.parametrize("logit", LOGITS)
def test_integrates_to_one(logit):
    assert integral(lambda x: density(x, logit), logit) == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("logit", LOGITS)
def test_mean_and_variance_are_those_of_the_density(logit):
    mean = integral(lambda x: x * density(x, logit), logit)
    variance = integral(lambda x: (x - mean) ** 2 * density(x, logit), logit)
    assert of(logit).mean.item() == pytest.approx(mean, abs=1e-9)
    assert of(logit).variance.item() == pytest.approx(variance, abs=1e-8)


@pytest.mark.parametrize("logit", [-8.0, -1.0, 0.7, 5.0])
def test_equals_torchs_away_from_one_half(logit):
    x = torch.linspace(0, 1, 11).double()
    theirs = TorchContinuousBernoulli(logits=torch.tensor(logit).double())
    torch.testing.assert_close(of(logit).log_prob(x), theirs.log_prob(x))


def test_float32_is_as_good_as_its_rounding_where_torchs_is_not():
    """784 pixels near lambda = 1/2: an error per pixel is 784 times as much per image."""
    logits = torch.linspace(-0.1, 0.1, 10_001)
    x = torch.tensor(0.3)
    exact = ContinuousBernoulli(logits.double()).log_prob(x.double())
    error = (ContinuousBernoulli(logits).log_prob(x) - exact).abs().max()
    theirs = (TorchContinuousBernoulli(logits=logits).log_prob(x) - exact).abs().max()
    assert 784 * error < 1e-4
    assert theirs > 10 * error


def test_far_logits_stay_exact_in_float32():
    logits = torch.tensor([-60.0, -20.0, 20.0, 60.0])
    x = torch.tensor(0.5)
    exact = ContinuousBernoulli(logits.double()).log_prob(x.double())
    torch.testing.assert_close(
        ContinuousBernoulli(logits).log_prob(x).double(), exact, rtol=1e-6, atol=0
    )


@pytest.mark.parametrize("logit", [-20.0, -1.0, 0.0, 1e-4, 3.0, 40.0])
def test_samples_have_the_moments(logit):
    x = of(logit).sample((200_000,))
    assert ((x >= 0) & (x <= 1)).all()
    error = x.std() / 200_000**0.5
    assert abs(x.mean() - of(logit).mean) < 4 * error
    assert x.var().item() == pytest.approx(of(logit).variance.item(), rel=0.03)


def test_gradients_are_finite_and_right_everywhere():
    logits = torch.tensor(LOGITS, dtype=torch.float64, requires_grad=True)
    x = torch.tensor(0.25).double()
    ContinuousBernoulli(logits).log_prob(x).sum().backward()
    # d log p / d l = x - E[x]
    torch.testing.assert_close(logits.grad, x - ContinuousBernoulli(logits.detach()).mean)


def test_the_means_gradient_is_the_variance_however_far_the_logit():
    logits = torch.tensor([-500.0, -90.0, -5.0, 0.0, 5.0, 90.0, 500.0], requires_grad=True)
    d = ContinuousBernoulli(logits)
    (gradient,) = torch.autograd.grad(d.mean.sum(), logits)
    torch.testing.assert_close(gradient, d.variance.detach(), rtol=1e-3, atol=1e-6)
