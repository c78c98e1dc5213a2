"""The objectives that weigh the rate, or parts of it."""

import itertools
import math

import pytest
import torch
from torch.distributions import Independent, Normal

from tests.model.linear_gaussian import LinearGaussian
from vae.model import Record
from vae.model.distributions.delta import Delta
from vae.objectives.beta import Beta
from vae.objectives.beta_tc import BetaTC
from vae.objectives.elbo import ELBO
from vae.objectives.free_bits import FreeBits
from vae.objectives.mmd import MMD
from vae.objectives.reconstruction import Reconstruction
from vae.objectives.schedules.capacity import Capacity
from vae.objectives.schedules.constant import Constant
from vae.objectives.schedules.cyclical import Cyclical
from vae.objectives.schedules.linear import Linear


def record(num_samples=1, seed=0):
    exact = LinearGaussian()
    exact.spoil_posterior()
    torch.manual_seed(seed)
    return exact.model(exact.x, num_samples)


def test_beta_one_is_the_elbo_and_zero_the_reconstruction():
    r = record()
    elbo = ELBO()(r)
    torch.testing.assert_close(Beta(1.0)(r).objective, elbo.objective)
    torch.testing.assert_close(Beta(0.0)(r).objective, Reconstruction()(r).objective)
    torch.testing.assert_close(Beta(4.0)(r).objective, -(elbo.distortion + 4 * elbo.rate))


def test_every_objective_reports_the_unweighted_bound():
    r = record()
    elbo = ELBO()(r)
    for objective in (Beta(7.0), FreeBits(3.0), BetaTC(100), MMD(), Reconstruction(1.0)):
        terms = objective(r)
        torch.testing.assert_close(terms.elbo, elbo.elbo)
        torch.testing.assert_close(terms.rate, elbo.rate)
        assert not torch.allclose(terms.objective, elbo.elbo)


def weight(schedule, t):
    return schedule(torch.ones(1, dtype=torch.float64), t).item()


def test_schedules_run_as_their_formulas_say():
    assert [weight(Constant(), t) for t in (0, 0.5, 1)] == [1, 1, 1]
    assert [weight(Linear(0.2), t) for t in (0, 0.1, 0.2, 0.7, 1)] == pytest.approx(
        [0, 0.5, 1, 1, 1]
    )
    cyclical = Cyclical(cycles=2, ramp=0.5)
    found = [weight(cyclical, t) for t in (0, 0.125, 0.25, 0.45, 0.5, 0.625, 0.99, 1.0)]
    assert found == pytest.approx([0, 0.5, 1, 1, 0, 0.5, 1, 1])
    rate = torch.tensor([3.0, 30.0])
    torch.testing.assert_close(Capacity(20.0, 0.5)(rate, 0.25), torch.tensor([7.0, 20.0]))
    torch.testing.assert_close(Capacity(20.0, 0.5)(rate, 1.0), torch.tensor([17.0, 10.0]))


def test_beta_follows_its_schedule():
    r = record()
    rate, distortion = ELBO()(r).rate, ELBO()(r).distortion
    objective = Beta(4.0, Linear(0.5))
    torch.testing.assert_close(objective(r, 0.25).objective, -(distortion + 2 * rate))
    torch.testing.assert_close(objective(r).objective, -(distortion + 4 * rate))


def test_free_bits_off_is_the_elbo_in_value_and_gradient():
    def value_and_gradient(objective):
        exact = LinearGaussian()
        exact.spoil_posterior()
        torch.manual_seed(0)
        terms = objective(exact.model(exact.x, 2))
        terms.loss.backward()
        found = {n: p.grad for n, p in exact.model.named_parameters() if p.grad is not None}
        assert any(name.startswith("encoder") and g.any() for name, g in found.items())
        return terms.objective, found

    value, gradient = value_and_gradient(ELBO())
    for off in (FreeBits(0.0), FreeBits(0.0, per="example")):
        found = value_and_gradient(off)
        torch.testing.assert_close(found[0], value)
        torch.testing.assert_close(found[1], gradient)
    priced = value_and_gradient(Beta(2.0))[1]
    assert any(not torch.allclose(priced[name], gradient[name]) for name in gradient)
    assert FreeBits(0.0).requires == ELBO().requires < FreeBits(1.0).requires


def test_free_bits_charge_each_dimension_at_least_the_threshold():
    r = record()
    rates = r.kl_per_dimension.mean(0)
    assert rates.min() < 1.5 < rates.max()
    expected = -(ELBO()(r).distortion + 1.5 + rates.max())
    torch.testing.assert_close(FreeBits(1.5)(r).objective, expected)
    total = FreeBits(100.0, per="example")(r).objective
    torch.testing.assert_close(total, -(ELBO()(r).distortion + 100.0))


@pytest.mark.parametrize("sampling", ["stratified", "weighted"])
def test_beta_tcs_three_terms_add_up_to_the_kl(sampling):
    r = record(num_samples=3)
    objective = BetaTC(1000, 1.0, 1.0, 1.0, sampling)
    parts = objective.decomposition(r)
    torch.testing.assert_close(sum(parts), (r.log_qz - r.log_pz).mean(0))
    torch.testing.assert_close(objective(r).objective, ELBO(kl="monte_carlo")(r).objective)


@pytest.mark.parametrize("batch", [2, 3, 4])
def test_stratified_sampling_has_no_bias(batch):
    """Over every batch that a data set of 6 can give, the estimate of q(z) is q(z) in the mean."""
    n = 6
    density = torch.rand(n, dtype=torch.float64)
    exact = density.mean()
    weights = BetaTC(n).log_weights(batch).double().exp()
    for row in range(batch):
        estimates = []
        # example 0 gave z and stands in place `row`
        for others in itertools.permutations(range(1, n), batch - 1):
            order = [*others[:row], 0, *others[row:]]
            estimates.append((weights[row] * density[order]).sum())
        assert torch.stack(estimates).mean().item() == pytest.approx(exact.item(), abs=1e-7)


def test_the_weights_are_the_papers():
    stratified, weighted = BetaTC(100), BetaTC(100, sampling="weighted")
    weights = stratified.log_weights(5).exp()
    torch.testing.assert_close(weights.sum(1), torch.ones(5))
    torch.testing.assert_close(weights.diagonal(), torch.full((5,), 1 / 100))
    strat = torch.tensor([weights[i, (i + 1) % 5] for i in range(5)])
    torch.testing.assert_close(strat, torch.full((5,), (100 - 4) / (100 * 4)))
    torch.testing.assert_close(weighted.log_weights(5), torch.full((5, 5), -math.log(500)))


def latent_record(z, prior_scale=1.0):
    d = z.shape[1]
    prior = Independent(Normal(torch.zeros(d), torch.full((d,), prior_scale)), 1)
    x = torch.zeros(len(z), 1)
    likelihood = Independent(Normal(torch.zeros(1, len(z), 1), 1.0), 1)
    return Record(x, Delta(z), z[None], prior, likelihood)


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_mmd_is_zero_in_the_mean_for_equal_distributions_and_grows_with_distance(kernel):
    objective = MMD(kernel=kernel)

    def mean(shift):
        found = [
            objective.discrepancy(latent_record(torch.randn(100, 4) + shift)) for _ in range(300)
        ]
        found = torch.stack(found)
        return found.mean().item(), found.std().item() / 300**0.5

    equal, error = mean(0.0)
    assert abs(equal) < 4 * error
    near, far = mean(0.3)[0], mean(1.0)[0]
    assert equal + 4 * error < near < far


@pytest.mark.parametrize("kernel", ["rbf", "imq"])
def test_mmd_is_the_papers_estimate(kernel):
    z = torch.randn(5, 3, dtype=torch.float64)
    torch.manual_seed(1)
    found = MMD(kernel=kernel).discrepancy(latent_record(z))
    torch.manual_seed(1)
    y = latent_record(z).prior.sample((5,)).double()

    def k(a, b):
        distance = (a - b).square().sum().item()
        if kernel == "rbf":
            return math.exp(-distance / 6)
        # c = 2 D s, D = 3
        return sum(c / (c + distance) for c in (0.6, 1.2, 3.0, 6.0, 12.0, 30.0, 60.0))

    pairs = [(i, j) for i in range(5) for j in range(5)]
    same = sum(k(z[i], z[j]) + k(y[i], y[j]) for i, j in pairs if i != j) / 20
    cross = sum(k(z[i], y[j]) for i, j in pairs) / 25
    assert found.item() == pytest.approx(same - 2 * cross, abs=1e-6)


def test_a_batch_of_one_has_no_discrepancy():
    assert MMD().discrepancy(latent_record(torch.ones(1, 3))).item() == 0


def test_a_rate_without_weight_gives_the_prior_no_gradient():
    assert [Beta(beta).trains_prior for beta in (0.0, 1.0)] == [False, True]
    assert [MMD(rate_weight=a).trains_prior for a in (0.0, 1.0)] == [False, True]
    assert BetaTC(10, alpha=0.0, beta=0.0, gamma=0.0).gamma == 0


def test_mmd_keeps_its_precision_under_autocast():
    z = torch.randn(50, 4) * 10 + 30
    torch.manual_seed(0)
    exact = MMD().discrepancy(latent_record(z))
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(MMD().discrepancy(latent_record(z)), exact)


def test_an_autoencoder_has_a_distortion_alone():
    terms = Reconstruction()(latent_record(torch.randn(6, 2)))
    assert terms.rate is None
    assert terms.elbo is None
    torch.testing.assert_close(terms.objective, -terms.distortion)


def test_a_latent_cost_is_half_the_squared_length():
    r = record()
    found = Reconstruction(latent_l2=0.5)(r).objective - Reconstruction()(r).objective
    torch.testing.assert_close(found, -0.25 * r.z[0].square().sum(-1))


def test_the_gradient_penalty_is_the_squared_jacobian_in_the_mean():
    """For a linear decoder the Jacobian is its weight, whatever z is."""
    exact = LinearGaussian()
    r = exact.model(exact.x[:1].expand(50_000, -1))
    price = -(Reconstruction(decoder_gradient=2.0)(r).objective - Reconstruction()(r).objective)
    frobenius = exact.model.decoder.weight.square().sum()
    assert abs(price.mean() - frobenius) < 4 * price.std() / 50_000**0.5


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Beta(-1.0), "at least 0"),
        (lambda: FreeBits(-1.0), "at least 0"),
        (lambda: BetaTC(10, beta=-1.0), "at least 0"),
        (lambda: MMD(weight=-1.0), "at least 0"),
        (lambda: Reconstruction(latent_l2=-1.0), "at least 0"),
        (lambda: Linear(0.0), "0 < warmup"),
        (lambda: Cyclical(0), "cycles >= 1"),
        (lambda: Capacity(-1.0), "capacity >= 0"),
    ],
)
def test_what_makes_no_sense_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
