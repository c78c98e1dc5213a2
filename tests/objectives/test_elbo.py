import pytest
import torch
from torch.distributions import kl_divergence

from tests.model.linear_gaussian import LinearGaussian
from vae.objectives.elbo import ELBO


def test_equals_log_px_at_the_true_posterior():
    exact = LinearGaussian()
    terms = ELBO(kl="monte_carlo")(exact.model(exact.x))
    # log p(x|z) p(z) / p(z|x) is log p(x) for every z
    torch.testing.assert_close(terms.elbo, exact.log_px())


def test_is_below_log_px_by_the_divergence_from_the_true_posterior():
    exact = LinearGaussian()
    true = exact.model.encode(exact.x)
    exact.spoil_posterior()
    torch.manual_seed(0)
    record = exact.model(exact.x, 200_000)
    elbo = ELBO()(record).elbo
    gap = exact.log_px() - elbo
    assert (gap > 0).all()
    torch.testing.assert_close(gap, kl_divergence(record.posterior, true), rtol=0.02, atol=0.01)


def test_analytic_and_monte_carlo_rates_agree():
    exact = LinearGaussian()
    exact.spoil_posterior()
    record = exact.model(exact.x, 100_000)
    analytic, monte_carlo = ELBO(kl="analytic")(record), ELBO(kl="monte_carlo")(record)
    error = (record.log_qz - record.log_pz).std(0) / 100_000**0.5
    assert ((analytic.rate - monte_carlo.rate).abs() < 4 * error).all()
    assert torch.equal(analytic.distortion, monte_carlo.distortion)


def test_analytic_and_monte_carlo_gradients_agree():
    exact = LinearGaussian()
    exact.spoil_posterior()
    parameters = list(exact.model.encoder.parameters())
    gradients = []
    for kl in ("analytic", "monte_carlo"):
        torch.manual_seed(0)
        loss = ELBO(kl=kl)(exact.model(exact.x, 100_000)).loss
        gradients.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)]))
    torch.testing.assert_close(*gradients, rtol=0.05, atol=0.02)


def test_the_closed_form_is_the_papers():
    exact = LinearGaussian()
    exact.spoil_posterior()
    record = exact.model(exact.x)
    mean, variance = record.posterior.mean, record.posterior.variance
    expected = -0.5 * (1 + variance.log() - mean.square() - variance).sum(-1)
    torch.testing.assert_close(ELBO()(record).rate, expected)


def test_more_samples_leave_the_mean_and_shrink_the_variance():
    exact = LinearGaussian()
    exact.spoil_posterior()

    def draws(num_samples):
        objective = ELBO(num_samples=num_samples)
        x = exact.x[:1].expand(4000, -1)
        return objective(exact.model(x, num_samples)).elbo

    one, ten = draws(1), draws(10)
    assert abs(one.mean() - ten.mean()) < 4 * one.std() / 4000**0.5
    assert (one.var() / ten.var()).item() == pytest.approx(10, rel=0.2)


def test_terms_add_up():
    exact = LinearGaussian()
    terms = ELBO(num_samples=3)(exact.model(exact.x, 3))
    torch.testing.assert_close(terms.elbo, -(terms.rate + terms.distortion))
    torch.testing.assert_close(terms.loss, -terms.elbo.mean())
    assert terms.rate.shape == terms.distortion.shape == (8,)


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        ELBO(num_samples=0)
