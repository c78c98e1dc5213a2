import pytest
import torch
from torch.distributions import Distribution

from vae.model.posteriors.iaf import IAF

pytestmark = pytest.mark.slow


def flow(latent_dim=4, transforms=2):
    posterior = IAF(latent_dim, transforms=transforms, hidden=(16,), context=3).double()
    for parameter in posterior.parameters():
        # at its start a map is close to the identity
        torch.nn.init.normal_(parameter, std=0.5)
    return posterior, torch.randn(2, *posterior.feature_shape).double()


@pytest.mark.parametrize("transforms", [1, 2, 3])
@pytest.mark.parametrize("latent_dim", [1, 2, 4])
def test_the_density_of_a_sample_is_the_bases_over_the_jacobian(latent_dim, transforms):
    posterior, features = flow(latent_dim, transforms)
    q = posterior(features)
    base = torch.randn(2, latent_dim).double()
    z = q.transform.inv(base)
    for i in range(2):

        def forward(u, i=i):
            return q.transform.inv(base.index_put((torch.tensor(i),), u))[i]

        jacobian = torch.autograd.functional.jacobian(forward, base[i])
        exact = q.base.log_prob(base)[i] - torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(q.log_prob(z)[i], exact)


def test_a_sample_comes_with_its_density_at_once():
    posterior, features = flow()
    q = posterior(features)
    z, log_q = q.rsample_and_log_prob((5,))
    assert z.shape == (5, 2, 4)
    torch.testing.assert_close(log_q, q.log_prob(z))


def test_it_integrates_to_one():
    posterior, features = flow(latent_dim=2)
    q = posterior(features[:1])
    side = torch.linspace(-40, 40, 1201).double()
    grid = torch.stack(torch.meshgrid(side, side, indexing="ij"), -1).view(-1, 1, 2)
    total = q.log_prob(grid).exp().sum() * (side[1] - side[0]) ** 2
    assert total.item() == pytest.approx(1, abs=0.01)


def test_the_maps_are_autoregressive_one_up_one_down():
    posterior, features = flow(latent_dim=3)
    h = features[:1, 6:]
    for m, mask in zip(
        posterior.maps, (torch.ones(3, 3).tril(), torch.ones(3, 3).triu()), strict=True
    ):
        jacobian = torch.autograd.functional.jacobian(
            lambda u, m=m: m(h)(u)[0], torch.randn(3).double()
        )
        assert (jacobian[mask == 0] == 0).all()
        assert (jacobian[mask == 1] != 0).all()


def test_importing_zuko_leaves_argument_validation_on():
    IAF(2)
    assert Distribution._validate_args is True
    with pytest.raises(ValueError, match="constraint"):
        torch.distributions.Normal(torch.zeros(1), -torch.ones(1))


@pytest.mark.parametrize("words", [{"transforms": 0}, {"context": 0}])
def test_a_flow_of_nothing_is_refused(words):
    with pytest.raises(ValueError, match="at least one map"):
        IAF(2, **words)


def test_it_starts_close_to_the_diagonal_normal_it_is_built_on():
    posterior = IAF(8)
    q = posterior(torch.randn(5, *posterior.feature_shape))
    z = q.base.sample((100,))
    torch.testing.assert_close(q.transform.inv(z), z, atol=0.05, rtol=0.05)


def test_a_sample_is_a_function_of_its_noise():
    posterior, features = flow()
    torch.manual_seed(1)
    z = posterior(features).rsample()
    torch.manual_seed(1)
    noise = torch.randn(2, 4, dtype=torch.float64)
    torch.testing.assert_close(posterior.from_noise(features, noise), z)
