"""Each score on codes whose score is known: perfect, permuted, rotated, random and constant."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import hadamard

from vae.metrics.disentanglement.dci import concentration, dci
from vae.metrics.disentanglement.information import entropy, mig, modularity, mutual_information
from vae.metrics.disentanglement.samples import entropies, mig_samples
from vae.metrics.disentanglement.sap import sap
from vae.metrics.disentanglement.votes import factor_vae_score

COUNTS = [3, 4, 5]
N = 3000


@pytest.fixture
def factors():
    rng = np.random.default_rng(0)
    return np.stack([rng.integers(n, size=N) for n in COUNTS], axis=1)


def scores(codes, factors):
    half = len(codes) // 2
    pair = (codes[:half], factors[:half]), (codes[half:], factors[half:])
    active = codes.var(0) > 0.01
    votes = factor_vae_score(codes, factors, active, np.random.default_rng(0), 600, 300)
    found = dci(*pair, trees="forest")
    return {
        "mig": mig(codes, factors),
        "modularity": modularity(codes, factors),
        "sap": sap(*pair),
        "votes": votes,
    } | found._asdict()


def perfect(factors):
    """A dimension of its own for each factor, and one for none."""
    rng = np.random.default_rng(1)
    noise = 1e-3 * rng.normal(size=(len(factors), 4))
    return np.hstack([factors.astype(float), np.zeros((len(factors), 1))]) + noise


def test_perfect_codes(factors):
    found = scores(perfect(factors), factors)
    # 20 bins of noise have a little information in a sample, which the gap loses
    assert found["mig"] > 0.98
    # in the three dimensions that tell; noise tells of each factor as little
    assert found["modularity"] > 0.75
    assert found["votes"] == 1
    assert found["disentanglement"] > 0.97
    assert found["completeness"] > 0.97
    assert found["informativeness"] == 1
    # one line cuts few of several values apart, but no other dimension does better than chance
    assert found["sap"] > 0.25


@pytest.mark.parametrize("order", [[3, 2, 1, 0], [1, 3, 0, 2]])
def test_the_order_and_the_sign_of_dimensions_do_not_matter(factors, order):
    codes = perfect(factors)
    one, other = scores(codes, factors), scores(codes[:, order], factors)
    for name in ("mig", "modularity", "votes", "sap"):
        assert one[name] == pytest.approx(other[name], abs=1e-6), name
    for name in ("disentanglement", "completeness", "informativeness"):
        assert one[name] == pytest.approx(other[name], abs=0.02), name
    turned = scores(-codes, factors)
    assert turned["mig"] == pytest.approx(one["mig"], abs=0.01)


def test_rotated_codes_keep_the_information_and_lose_the_scores(factors):
    # every dimension sees every factor
    codes = perfect(factors) @ hadamard(4) / 2
    straight, found = scores(perfect(factors), factors), scores(codes, factors)
    assert found["informativeness"] > 0.95
    # the FactorVAE score is not among them: a vote finds the factor in any mixture that is its own
    for name in ("mig", "disentanglement", "completeness", "modularity"):
        assert found[name] < straight[name] - 0.1, name
    assert found["mig"] < 0.2


def test_random_codes(factors):
    found = scores(np.random.default_rng(2).normal(size=(N, 4)), factors)
    assert found["mig"] < 0.01
    assert found["sap"] < 0.03
    assert found["disentanglement"] < 0.1
    assert found["completeness"] < 0.1
    assert found["votes"] < 0.5
    chance = np.mean([1 / n for n in COUNTS])
    assert found["informativeness"] == pytest.approx(chance, abs=0.04)


def test_constant_codes(factors):
    found = scores(np.ones((N, 4)), factors)
    assert found["mig"] == found["modularity"] == found["sap"] == 0
    assert found["disentanglement"] == found["completeness"] == 0
    assert found["votes"] == 1 / 3


@pytest.mark.parametrize("trees", ["boosted", "forest"])
def test_both_kinds_of_trees_know_perfect_codes(factors, trees):
    codes, half = perfect(factors), 1000
    found = dci((codes[:half], factors[:half]), (codes[half:], factors[half:]), trees=trees)
    assert min(found) > 0.97


def test_a_dimension_of_two_factors_is_complete_and_not_disentangled():
    """Importances by hand, against entropies by hand."""
    importance = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    half = 1 - math.log(2) / math.log(3)
    assert concentration(importance) == pytest.approx(half / 2 + 1 / 2)
    assert concentration(importance.T) == pytest.approx(1)
    assert concentration(np.full((3, 3), 0.1)) == pytest.approx(0, abs=1e-12)


def test_information_is_exact_where_it_is_known(factors):
    information = mutual_information(factors.astype(float), factors)
    np.testing.assert_allclose(np.diag(information), entropy(factors))
    np.testing.assert_allclose(entropy(factors), np.log(COUNTS), atol=0.01)
    one = np.arange(100)[:, None] % 4
    assert entropy(one)[0] == pytest.approx(math.log(4))


def test_the_entropy_of_an_aggregate_is_that_of_the_gaussian_it_is():
    torch.manual_seed(0)
    loc, scale = torch.randn(5000, 2), torch.tensor([0.5, 2.0]).expand(5000, 2)
    found = entropies(loc, scale, torch.normal(loc, scale))
    exact = 0.5 * torch.log(2 * math.pi * math.e * (1 + torch.tensor([0.5, 2.0]) ** 2))
    torch.testing.assert_close(found, exact, atol=0.03, rtol=0)


def test_the_gap_of_samples(factors):
    torch.manual_seed(0)
    factors = factors[:1000]
    loc = torch.from_numpy(factors).float()
    sure = torch.full_like(loc, 0.02)
    assert mig_samples(loc, sure, factors) == pytest.approx(1, abs=0.02)
    # two dimensions that tell the same leave no gap
    twice = torch.cat([loc, loc], 1)
    assert mig_samples(twice, torch.cat([sure, sure], 1), factors) == pytest.approx(0, abs=0.02)
    # a posterior so wide that it tells nothing
    assert mig_samples(loc, torch.full_like(loc, 100.0), factors) == pytest.approx(0, abs=0.02)
