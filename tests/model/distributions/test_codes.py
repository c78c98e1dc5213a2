"""Discrete codes against torch.distributions, enumeration and hand sums, in float64."""

import itertools
import math

import pytest
import torch
from torch.distributions import OneHotCategorical, kl_divergence

from vae.model.distributions.codebook import GridCodes
from vae.model.distributions.codes import Code, OneHots, UniformCodes, on_grid
from vae.model.posteriors.categorical import Categorical
from vae.model.posteriors.diagonal_normal import DiagonalNormal
from vae.model.posteriors.fsq import FSQ
from vae.model.posteriors.vq import VQ
from vae.model.priors.autoregressive import Autoregressive
from vae.model.priors.transformer import Transformer
from vae.model.priors.uniform import Uniform

PRIORS = {
    "autoregressive": lambda posterior: Autoregressive(posterior, hidden=[32]),
    "transformer": lambda posterior: Transformer(posterior, width=8, layers=1, heads=2),
}

N, K = 2, 3


@pytest.fixture
def logits():
    return torch.randn(4, N, K, dtype=torch.float64)


def all_codes():
    """Every z of N one-hot vectors of K numbers, with shape (K^N, N K)."""
    eye = torch.eye(K, dtype=torch.float64)
    return torch.stack([torch.cat(rows) for rows in itertools.product(eye, repeat=N)])


def test_probabilities_are_torchs_and_sum_to_one(logits):
    q, oracle = OneHots(logits), OneHotCategorical(logits=logits)
    z = all_codes()[:, None]
    found = q.log_prob(z.expand(-1, 4, -1))
    expected = oracle.log_prob(z.expand(-1, 4, -1).unflatten(-1, (N, K))).sum(-1)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found.exp().sum(0), torch.ones(4, dtype=torch.float64))


def test_the_divergence_is_the_sum_over_all_codes(logits):
    q, p = OneHots(logits), OneHots(torch.randn(N, K, dtype=torch.float64))
    z = all_codes()[:, None].expand(-1, 4, -1)
    terms = q.log_prob(z).exp() * (q.log_prob(z) - p.log_prob(z))
    torch.testing.assert_close(kl_divergence(q, p), terms.sum(0))


def test_moments_are_those_of_the_draws(logits):
    q = OneHots(logits)
    z = q.sample((200_000,))
    assert z.shape == (200_000, 4, N * K)
    torch.testing.assert_close(z.mean(0), q.mean, rtol=0, atol=5e-3)
    torch.testing.assert_close(z.var(0), q.variance, rtol=0, atol=5e-3)


def test_a_draw_is_one_hot_to_the_bit_and_has_the_softmaxs_gradient(logits):
    logits.requires_grad_()
    q = OneHots(logits, temperature=0.5)
    torch.manual_seed(1)
    z = q.rsample((5,))
    assert set(z.detach().unique().tolist()) == {0.0, 1.0}
    assert (z.unflatten(-1, (N, K)).sum(-1) == 1).all()
    weight = torch.randn_like(z)
    (found,) = torch.autograd.grad((z * weight).sum(), logits)
    # the same noise again
    torch.manual_seed(1)
    uniform = torch.rand(5, *logits.shape, dtype=torch.float64)
    gumbel = -(-uniform.log()).log()
    soft = ((logits.log_softmax(-1) + gumbel) / 0.5).softmax(-1).flatten(-2)
    (expected,) = torch.autograd.grad((soft * weight).sum(), logits)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("levels", [[2], [3, 5], [8, 5, 5, 5]])
def test_fsq_rounds_to_its_levels_and_passes_the_gradient_of_tanh(levels):
    posterior = FSQ(4, levels).double()
    features = (3 * torch.randn(500, 4, dtype=torch.float64)).requires_grad_()
    z = posterior(features).rsample((2,))
    for d in range(4):
        count = levels[d % len(levels)]
        allowed = on_grid(torch.arange(count, dtype=torch.float64), torch.tensor(float(count)))
        assert torch.isin(z[..., d], allowed).all()
        assert len(z[..., d].unique()) == count
        # no level lies nearer
        nearest = (features[:, d].tanh()[:, None] - allowed).abs().min(-1).values
        torch.testing.assert_close((z[0, :, d] - features[:, d].tanh()).abs(), nearest)
    (gradient,) = torch.autograd.grad(z.sum(), features)
    torch.testing.assert_close(gradient, 2 * (1 - features.tanh() ** 2))


def test_a_grid_is_uniform_over_the_product_of_its_levels():
    p = UniformCodes(GridCodes([2, 3]).double())
    codes, counts = p.sample((60_000,)).unique(dim=0, return_counts=True)
    assert len(codes) == 6
    torch.testing.assert_close(counts / 60_000, torch.full((6,), 1 / 6), rtol=0, atol=0.01)
    assert p.log_prob(codes).exp().sum() == pytest.approx(1)
    z = codes[:1].expand(3, 2)
    assert kl_divergence(Code(z), p).tolist() == pytest.approx([math.log(6)] * 3)
    assert Code(z).log_prob(z).tolist() == [0.0] * 3
    assert Code(z).log_prob(-z - 5).tolist() == [-math.inf] * 3


@pytest.mark.parametrize("posterior", [Categorical(6, classes=3), FSQ(4, [2, 3]), VQ(4, 3, 2)])
def test_what_an_export_draws_from_noise_is_uniform_too(posterior):
    prior = Uniform(posterior)
    z = prior.from_noise(torch.randn(100_000, posterior.latent_dim), torch.rand(100_000))
    codes, counts = z.unique(dim=0, return_counts=True)
    total = 36 if isinstance(posterior, FSQ) else 9
    assert len(codes) == total
    torch.testing.assert_close(
        counts / 100_000, torch.full((total,), 1 / total), rtol=0, atol=0.005
    )
    assert prior().log_prob(codes).exp().sum() == pytest.approx(1, abs=1e-5)


def assert_draws_from_itself(prior, posterior, std):
    """Its probabilities sum to one over all codes, and its draws have them, however drawn."""
    for parameter in prior.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=std)
    prior = prior.double()
    book = posterior.codebook.double()
    each = [torch.eye(size).double() for size in book.sizes]
    codes = book.numbers(torch.stack([torch.cat(rows) for rows in itertools.product(*each)]))
    p = prior()
    with torch.no_grad():
        probability = p.log_prob(codes).exp()
        assert probability.sum() == pytest.approx(1, abs=1e-6)
        # no uniform one, or the test would say nothing of the order
        assert probability.max() > 3 * probability.mean()
        for z in (
            p.sample((60_000,)),
            prior.from_noise(torch.randn(60_000, posterior.latent_dim).double(), torch.rand(1)),
        ):
            same = (z[:, None] - codes).abs().max(-1).values < 1e-6
            share = same.double().mean(0)
            assert same.sum(1).eq(1).all()
            torch.testing.assert_close(share, probability, rtol=0, atol=0.01)


@pytest.mark.parametrize("make", PRIORS.values(), ids=PRIORS)
@pytest.mark.parametrize(
    "posterior",
    [Categorical(6, classes=3), FSQ(3, [2, 4, 3]), VQ(6, classes=3, length=2)],
    ids=["one-hots", "grid", "vectors"],
)
def test_an_autoregressive_prior_is_a_distribution_and_draws_from_itself(posterior, make):
    torch.manual_seed(0)
    assert_draws_from_itself(make(posterior), posterior, std=1.0)


@pytest.mark.parametrize("make", PRIORS.values(), ids=PRIORS)
def test_a_choice_sees_those_before_it_alone(make):
    prior = make(FSQ(4, [3]))
    choices = torch.randn(1, 12, requires_grad=True)
    logits = prior.logits(choices).unflatten(-1, (4, 3))
    for n in range(4):
        (gradient,) = torch.autograd.grad(logits[0, n].sum(), choices, retain_graph=True)
        seen = gradient.unflatten(-1, (4, 3)).abs().sum(-1)[0] > 0
        assert seen.tolist() == [m < n for m in range(4)]


@pytest.mark.slow
@pytest.mark.parametrize("make", PRIORS.values(), ids=PRIORS)
def test_it_is_fitted_to_codes_that_depend_on_each_other(make):
    """Two choices that are always the same have log 3 nats, where independent ones have 2 log 3."""
    torch.manual_seed(0)
    prior = make(FSQ(2, [3]))
    first = torch.randint(3, (1000,))
    z = on_grid(torch.stack([first, first], -1).float(), torch.tensor(3.0))
    prior.fit(z, steps=2000, batch_size=128)
    with torch.no_grad():
        assert -prior().log_prob(z).mean() == pytest.approx(math.log(3), abs=0.03)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Categorical(7, classes=3), "set latent_dim to a multiple"),
        (lambda: Categorical(2, classes=1), "set latent_dim to a multiple"),
        (lambda: Categorical(4, classes=2, temperature=0.0), "temperature must be positive"),
        (lambda: FSQ(4, [8, 1]), "at least 2 levels"),
        (lambda: FSQ(4, []), "at least 2 levels"),
        (lambda: Uniform(DiagonalNormal(2)), "over discrete codes"),
        (lambda: Autoregressive(DiagonalNormal(2)), "over discrete codes"),
        (lambda: Transformer(DiagonalNormal(2)), "over discrete codes"),
        (lambda: Transformer(FSQ(4), width=6, heads=4), "heads divide the width"),
        (lambda: Autoregressive(FSQ(4), hidden=[0]), "must be at least 1"),
    ],
)
def test_bad_settings_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
