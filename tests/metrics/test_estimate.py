import math

import numpy as np
import pytest
import torch
from scipy import stats

from vae.metrics.estimate import Means


def test_mean_and_standard_error_do_not_depend_on_the_batches():
    a, b = torch.randn(2, 103) * 3 - 90
    means = Means("a", "b")
    for start, stop in ((0, 50), (50, 100), (100, 103)):
        means.update(a[start:stop], b[start:stop])
    for estimate, values in ((means.compute()["a"], a), (means.compute()["b"], b)):
        assert estimate.value == pytest.approx(values.double().mean().item())
        assert estimate.standard_error == pytest.approx(stats.sem(values.double().numpy()))
        assert estimate.num_examples == 103


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_half_precision_module_keeps_its_sums_whole(dtype):
    values = torch.randn(10_000) * 30 - 90
    module = torch.nn.ModuleList([Means("a")]).to(dtype)
    for batch in values.split(500):
        module[0].update(batch)
    estimate = module[0].compute()["a"]
    assert estimate.value == pytest.approx(values.double().mean().item(), abs=1e-9)
    assert estimate.num_examples == 10_000


def test_too_few_examples_give_no_number():
    means = Means("a")
    means.update(torch.empty(0))
    assert math.isnan(means.compute()["a"].value)
    means.update(torch.ones(1))
    assert math.isnan(means.compute()["a"].standard_error)


def test_an_empty_share_changes_nothing():
    means = Means("a")
    means.update(torch.arange(4.0))
    means.update(torch.empty(0))
    assert means.compute()["a"].value == 1.5
    assert means.compute()["a"].num_examples == 4


def test_the_standard_error_covers_the_truth():
    generator = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        means = Means("a")
        means.update(torch.from_numpy(generator.normal(5, 2, 50)))
        value, error, _ = means.compute()["a"]
        hits += abs(value - 5) < 1.96 * error
    assert 0.9 < hits / 300 < 0.98
