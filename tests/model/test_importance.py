import pytest
import torch

from tests.model.linear_gaussian import LinearGaussian
from vae.model.importance import importance
from vae.objectives.elbo import ELBO


def test_one_sample_of_the_true_posterior_is_exact():
    exact = LinearGaussian()
    result = importance(exact.model, exact.x, 1)
    torch.testing.assert_close(result.log_px, exact.log_px())
    torch.testing.assert_close(
        importance(exact.model, exact.x, 50).effective, torch.full((8,), 50.0).double()
    )


def test_converges_to_log_px_within_its_standard_error():
    exact = LinearGaussian()
    exact.spoil_posterior()
    result = importance(exact.model, exact.x, 20_000)
    error = (result.log_px - exact.log_px()).abs()
    assert (error < 4 * result.variance.sqrt()).all()
    assert (error < 0.05).all()


def test_the_stated_variance_is_the_one_seen():
    exact = LinearGaussian()
    exact.spoil_posterior()
    x = exact.x[:1].expand(2000, -1)
    result = importance(exact.model, x, 200)
    assert result.variance.mean().item() == pytest.approx(result.log_px.var().item(), rel=0.15)


def test_does_not_decrease_with_samples_in_expectation():
    exact = LinearGaussian()
    exact.spoil_posterior()
    x = exact.x[:1].expand(20_000, -1)
    means, errors = [], []
    for k in (1, 2, 5, 20, 100):
        log_px = importance(exact.model, x, k).log_px
        means.append(log_px.mean().item())
        errors.append(log_px.std().item() / 20_000**0.5)
    assert means[0] < means[-1] < exact.log_px()[0].item() + 4 * errors[-1]
    for i in range(4):
        assert means[i + 1] > means[i] - 4 * errors[i]
    elbo = ELBO(kl="monte_carlo")(exact.model(x)).elbo.mean().item()
    assert means[0] == pytest.approx(elbo, abs=5 * errors[0])


@pytest.mark.parametrize("num_samples", [1, 7, 10, 23])
def test_uses_exactly_the_samples_asked_for_however_they_are_chunked(num_samples):
    exact = LinearGaussian()
    exact.spoil_posterior()
    drawn = []
    decode = exact.model.decode
    exact.model.decode = lambda z: drawn.append(len(z)) or decode(z)
    torch.manual_seed(1)
    # room for five samples of the eight four-dimensional examples at a time
    chunked = importance(exact.model, exact.x, num_samples, memory=5.5 * (4 * 4 + 2) * 4 * 8 / 1e6)
    assert sum(drawn) == num_samples
    assert max(drawn) == min(5, num_samples)
    torch.manual_seed(1)
    z = torch.cat([exact.model.encode(exact.x).sample((n,)) for n in drawn])
    log_w = (
        decode(z).log_prob(exact.x)
        + exact.model.prior().log_prob(z)
        - exact.model.encode(exact.x).log_prob(z)
    )
    expected = log_w.logsumexp(0) - torch.tensor(float(num_samples)).log()
    torch.testing.assert_close(chunked.log_px, expected)


def test_its_mean_terms_make_the_elbo():
    exact = LinearGaussian()
    result = importance(exact.model, exact.x, 10)
    torch.testing.assert_close(-(result.distortion + result.rate), exact.log_px())


def test_tracks_no_gradients():
    exact = LinearGaussian()
    assert not importance(exact.model, exact.x, 3).log_px.requires_grad
