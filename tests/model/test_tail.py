"""The shape of the weights' tail against arviz's, and against tails of a known shape."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import genpareto, norm

from vae.model.tail import Tail, pareto_shape

GRID = np.arange(1, 1001) / 1001


def shape_of(log_w, pieces=300):
    log_w = torch.as_tensor(log_w)
    log_w = (log_w if log_w.ndim == 2 else log_w[:, None])[torch.randperm(len(log_w))]
    tail = Tail(len(log_w))
    for some in log_w.split(pieces):
        tail.add(some)
    return tail.shape(log_w.shape[1], log_w)


@pytest.mark.parametrize(
    ("log_w", "arviz"),
    [
        # arviz 0.23.4, psislw
        (norm.ppf(GRID), 0.24541722989182496),
        (3 * norm.ppf(GRID), 0.9971721749915302),
        (-0.3 * np.log(1 - GRID), 0.2752647835626555),
        (-0.9 * np.log(1 - GRID), 0.7837047692040698),
    ],
)
@pytest.mark.parametrize("pieces", [1, 300, 1000])
def test_it_is_what_arviz_says(log_w, arviz, pieces):
    assert float(shape_of(log_w, pieces)) == pytest.approx(arviz, rel=1e-10)


@pytest.mark.parametrize("shape", [-0.2, 0.1, 0.5, 0.9])
def test_draws_of_a_generalised_pareto_have_their_shape(shape):
    draws = genpareto.rvs(shape, size=20_000, random_state=0)
    excess = torch.tensor(np.sort(draws)[::-1].copy())[:, None]
    assert float(pareto_shape(excess)) == pytest.approx(shape, abs=0.03)


def test_every_example_has_its_own_and_scale_does_not_matter():
    log_w = torch.tensor(np.stack([norm.ppf(GRID), 3 * norm.ppf(GRID) + 5000], 1))
    found = shape_of(log_w)
    assert found[0] == pytest.approx(0.2454, abs=1e-4)
    assert found[1] == pytest.approx(0.9972, abs=1e-4)


@pytest.mark.parametrize("k", [1, 2, 20])
def test_few_samples_tell_nothing(k):
    assert math.isnan(shape_of(torch.randn(k)))
