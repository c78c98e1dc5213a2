import pytest
import torch
from scipy import stats

from vae.model.posteriors.full_covariance_normal import FullCovarianceNormal


@pytest.mark.parametrize("latent_dim", [1, 2, 5])
def test_its_density_is_scipys(latent_dim):
    posterior = FullCovarianceNormal(latent_dim)
    features = torch.randn(3, *posterior.feature_shape).double()
    q = posterior(features)
    z = torch.randn(3, latent_dim).double()
    for i in range(3):
        covariance = (q.scale_tril[i] @ q.scale_tril[i].T).numpy()
        exact = stats.multivariate_normal(q.loc[i].numpy(), covariance).logpdf(z[i].numpy())
        assert q.log_prob(z)[i].item() == pytest.approx(exact)


def test_the_first_features_are_mean_and_log_variance_of_a_diagonal_normal():
    posterior = FullCovarianceNormal(3)
    features = torch.zeros(1, 9)
    features[0, :6] = torch.tensor([1.0, 2.0, 3.0, 0.0, 2.0, -2.0])
    q = posterior(features)
    torch.testing.assert_close(q.mean, torch.tensor([[1.0, 2.0, 3.0]]))
    torch.testing.assert_close(q.variance.log(), torch.tensor([[0.0, 2.0, -2.0]]))


def test_every_feature_gets_a_gradient():
    posterior = FullCovarianceNormal(4)
    features = torch.randn(2, *posterior.feature_shape, requires_grad=True)
    q = posterior(features)
    (q.rsample((50,)).pow(3).sum() + q.entropy().sum()).backward()
    assert features.grad.isfinite().all()
    assert (features.grad != 0).all()
