import torch
from scipy import stats

from vae.model.posteriors.diagonal_normal import DiagonalNormal


def test_features_are_the_mean_and_the_log_variance():
    features = torch.randn(5, 6, dtype=torch.float64)
    q = DiagonalNormal(3)(features)
    torch.testing.assert_close(q.mean, features[:, :3])
    torch.testing.assert_close(q.variance.log(), features[:, 3:])


def test_log_prob_equals_scipy():
    features = torch.randn(5, 6, dtype=torch.float64)
    z = torch.randn(7, 5, 3, dtype=torch.float64)
    log_qz = DiagonalNormal(3)(features).log_prob(z)
    for b in range(5):
        covariance = features[b, 3:].exp().diag()
        expected = stats.multivariate_normal(features[b, :3], covariance).logpdf(z[:, b])
        torch.testing.assert_close(log_qz[:, b], torch.from_numpy(expected))


def test_samples_are_mean_plus_scale_times_noise_and_differentiable():
    features = torch.randn(2, 6, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(1)
    z = DiagonalNormal(3)(features).rsample((4,))
    torch.manual_seed(1)
    noise = torch.randn(4, 2, 3, dtype=torch.float64)
    torch.testing.assert_close(z, features[:, :3] + (features[:, 3:] / 2).exp() * noise)
    (gradient,) = torch.autograd.grad(z.sum(), features)
    torch.testing.assert_close(gradient[:, :3], torch.full_like(gradient[:, :3], 4.0))


def test_half_precision_features_are_computed_in_float32():
    assert DiagonalNormal(2)(torch.zeros(1, 4, dtype=torch.bfloat16)).mean.dtype == torch.float32
