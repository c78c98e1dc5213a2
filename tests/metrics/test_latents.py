import pytest
import torch

from tests.model.linear_gaussian import LinearGaussian
from vae.metrics.latents import Latents
from vae.metrics.probes import knn_accuracy, linear_accuracy
from vae.metrics.surgery import surgery
from vae.model.distributions.sampling import centre
from vae.model.posteriors.iaf import IAF


def test_variance_and_rate_do_not_depend_on_the_batches():
    means, rates = torch.randn(103, 3) * torch.tensor([1.0, 0.05, 2.0]), torch.rand(103, 3)
    use = Latents(3)
    for start, stop in ((0, 50), (50, 100), (100, 103)):
        use.update(means[start:stop], torch.zeros(1, 3), rates[start:stop])
    found = use.use()
    torch.testing.assert_close(found.variance, means.double().var(0, correction=0))
    torch.testing.assert_close(found.rate, rates.double().mean(0))
    assert found.active.tolist() == [True, False, True]


def test_without_a_rate_per_dimension_there_is_none():
    use = Latents(2)
    use.update(torch.randn(10, 2), torch.zeros(10, 2), None)
    assert use.use().rate is None
    use.reset()
    use.update(torch.randn(10, 2), torch.zeros(10, 2), torch.rand(10, 2))
    assert use.use().rate is not None


def test_a_flow_that_ignores_x_has_no_active_unit():
    """The mean of 64 samples varies by itself; by more than the threshold."""
    posterior = IAF(6, hidden=(8,), context=2)
    use = Latents(6)
    for _ in range(10):
        use.update(*centre(posterior(torch.zeros(500, 14))), None)
    assert not use.use().active.any()
    noise = posterior(torch.zeros(5000, 14)).sample((64,)).mean(0).var(0)
    assert (noise > 0.01).any()


def test_surgery_splits_the_rate():
    exact = LinearGaussian()
    exact.spoil_posterior()
    x = torch.from_numpy(exact.exact.rvs(400, random_state=1))
    record = exact.model(x, 200)
    found = surgery(exact.model, x, num_codes=400)
    rate = record.kl.mean().item()
    total = found.mutual_information.value + found.aggregate_kl.value
    error = found.mutual_information.standard_error + found.aggregate_kl.standard_error
    assert abs(total - rate) < 4 * error
    assert 0 < found.mutual_information.value < torch.tensor(400.0).log().item()
    assert found.num_examples == 400


def test_surgery_of_the_true_posterior_finds_the_prior():
    """Over the model's own data q(z) is p(z), and the rate is all information."""
    exact = LinearGaussian()
    x = torch.from_numpy(exact.exact.rvs(20_000, random_state=1))
    found = surgery(exact.model, x, num_codes=500)
    assert abs(found.aggregate_kl.value) < 0.03
    # the information of a Gaussian channel
    exact_information = 0.5 * torch.log1p(exact.w.square().sum(0) / 0.36).sum().item()
    error = found.mutual_information.standard_error
    assert abs(found.mutual_information.value - exact_information) < 4 * error + 0.02


def test_surgery_does_not_depend_on_its_chunks(monkeypatch):
    exact = LinearGaussian()
    results = []
    for chunk in (20_000_000, 2_000):
        monkeypatch.setattr("vae.metrics.surgery.CHUNK", chunk)
        torch.manual_seed(0)
        results.append(surgery(exact.model, exact.x, 8).mutual_information.value)
    assert results[0] == pytest.approx(results[1])


def test_classifiers_read_what_is_there_and_nothing_else():
    label = torch.arange(600) % 3
    z = torch.randn(600, 2)
    told = z + 6 * torch.nn.functional.one_hot(label, 3)[:, :2]
    half = slice(0, 300), slice(300, 600)
    for accuracy in (knn_accuracy, linear_accuracy):
        good = accuracy(told[half[0]], label[half[0]], told[half[1]], label[half[1]])
        assert good.value > 0.98
        chance = accuracy(z[half[0]], label[half[0]], z[half[1]], label[half[1]])
        assert abs(chance.value - 1 / 3) < 4 * chance.standard_error
        assert chance.standard_error == pytest.approx(
            (chance.value * (1 - chance.value) / 300) ** 0.5
        )
