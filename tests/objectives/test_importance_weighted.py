"""The bounds of importance weights, and their gradients."""

import itertools

import pytest
import torch

from tests.model.linear_gaussian import LinearGaussian
from vae.objectives.ciwae import CIWAE
from vae.objectives.dreg import DReG
from vae.objectives.elbo import ELBO
from vae.objectives.iwae import IWAE
from vae.objectives.miwae import MIWAE
from vae.objectives.sticking_the_landing import StickingTheLanding


def spoiled():
    exact = LinearGaussian()
    exact.spoil_posterior()
    return exact


def gradient(model, objective, x, parameters, seed=0):
    torch.manual_seed(seed)
    loss = objective(model(x, objective.num_samples)).loss
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)])


def test_one_sample_of_each_is_the_elbo_in_value_and_gradient():
    exact = spoiled()
    parameters = list(exact.model.parameters())
    elbo = ELBO(kl="monte_carlo")
    torch.manual_seed(0)
    value = elbo(exact.model(exact.x)).objective
    for objective in (IWAE(1), MIWAE(1, 1), CIWAE(0.3, 1)):
        torch.manual_seed(0)
        torch.testing.assert_close(objective(exact.model(exact.x)).objective, value)
        torch.testing.assert_close(
            gradient(exact.model, objective, exact.x, parameters),
            gradient(exact.model, elbo, exact.x, parameters),
        )


def test_the_weights_in_iwaes_gradient_are_normalised_over_the_samples():
    """grad IWAE = sum_k softmax(log w)_k grad log w_k."""
    exact = spoiled()
    parameters = list(exact.model.parameters())
    torch.manual_seed(0)
    record = exact.model(exact.x, 5)
    by_hand = -(record.log_w.detach().softmax(0) * record.log_w).sum(0).mean()
    expected = torch.cat([g.flatten() for g in torch.autograd.grad(by_hand, parameters)])
    torch.testing.assert_close(gradient(exact.model, IWAE(5), exact.x, parameters), expected)


def test_the_bounds_are_ordered():
    """ELBO <= CIWAE <= IWAE <= log p(x), and more samples are tighter."""
    exact = spoiled()
    x = exact.x[:1].expand(20_000, -1)

    def mean(objective):
        values = objective(exact.model(x, objective.num_samples)).objective
        return values.mean().item(), values.std().item() / 20_000**0.5

    means = [mean(o) for o in (ELBO(), CIWAE(0.5, 10), IWAE(10), IWAE(100))]
    for (low, error), (high, other) in itertools.pairwise(means):
        assert low + 3 * (error + other) < high
    assert means[-1][0] < exact.log_px()[0].item() + 3 * means[-1][1]


def test_groups_and_group_size_are_not_interchangeable():
    """K tightens the bound; M makes its value vary less."""
    exact = spoiled()
    x = exact.x[:1].expand(20_000, -1)

    def draws(groups, size):
        objective = MIWAE(groups, size)
        assert objective.num_samples == groups * size
        return objective(exact.model(x, groups * size)).objective

    wide, tight = draws(16, 2), draws(2, 16)
    assert tight.mean() - wide.mean() > 5 * (tight.std() + wide.std()) / 20_000**0.5
    one, many = draws(1, 8), draws(4, 8)
    assert abs(one.mean() - many.mean()) < 4 * one.std() / 20_000**0.5
    assert (one.var() / many.var()).item() == pytest.approx(4, rel=0.2)


def test_ciwae_runs_from_iwae_to_the_elbo():
    exact = spoiled()
    values = []
    for objective in (CIWAE(0.0, 7), IWAE(7), CIWAE(1.0, 7), ELBO(7, kl="monte_carlo")):
        torch.manual_seed(0)
        values.append(objective(exact.model(exact.x, 7)).objective)
    torch.testing.assert_close(values[0], values[1])
    torch.testing.assert_close(values[2], values[3])


def many(model, objective, x, parameters, repeats=1200):
    return torch.stack([gradient(model, objective, x, parameters, seed) for seed in range(repeats)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("better", "naive"),
    [(StickingTheLanding(2), ELBO(2, kl="monte_carlo")), (DReG(8), IWAE(8))],
    ids=["sticking_the_landing", "dreg"],
)
def test_a_better_gradient_is_unbiased_and_varies_less(better, naive):
    exact = LinearGaussian()
    # near the optimum, where the difference shows
    exact.model.encoder.bias.data += 0.05
    x = exact.x[:2]
    encoder, decoder = (list(getattr(exact.model, n).parameters()) for n in ("encoder", "decoder"))
    ours, theirs = (many(exact.model, o, x, encoder) for o in (better, naive))
    error = (ours.var(0) + theirs.var(0)).sqrt() / 1200**0.5
    assert ((ours.mean(0) - theirs.mean(0)).abs() < 4.5 * error).all()
    assert ours.var(0).sum() < 0.3 * theirs.var(0).sum()
    # what the decoder gets is the same, sample by sample
    torch.testing.assert_close(
        gradient(exact.model, better, x, decoder), gradient(exact.model, naive, x, decoder)
    )


def test_sticking_the_landing_has_no_variance_where_q_is_exact():
    exact = LinearGaussian()
    encoder = list(exact.model.encoder.parameters())
    gradients = many(exact.model, StickingTheLanding(), exact.x, encoder, repeats=20)
    torch.testing.assert_close(gradients, torch.zeros_like(gradients))
    naive = many(exact.model, ELBO(kl="monte_carlo"), exact.x, encoder, repeats=20)
    assert naive.std(0).max() > 0.01


@pytest.mark.parametrize(
    ("objective", "naive"), [(DReG(6), IWAE(6)), (StickingTheLanding(6), ELBO(6, kl="monte_carlo"))]
)
def test_better_gradients_have_the_value_of_the_bound(objective, naive):
    exact = spoiled()
    values = []
    for o in (objective, naive):
        torch.manual_seed(0)
        values.append(o(exact.model(exact.x, 6)).objective)
    torch.testing.assert_close(*values)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: IWAE(0), "at least 1"),
        (lambda: MIWAE(0, 8), "at least 1"),
        (lambda: CIWAE(1.5), "between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
