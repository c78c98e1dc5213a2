"""The use of codes against counts by hand."""

import math

import pytest
import torch

from vae.metrics.codes import CodeUse
from vae.model.distributions.codebook import Codebook
from vae.model.distributions.codes import on_grid


def test_perplexity_is_the_exponential_of_the_entropy_of_what_is_taken():
    use = CodeUse(Codebook([2, 4], one_hots=False))
    first = torch.tensor([0, 0, 0, 1])
    second = torch.tensor([0, 1, 2, 2])
    z = torch.stack([on_grid(first, torch.tensor(2.0)), on_grid(second, torch.tensor(4.0))], -1)
    # in two batches
    use.update(z[:1])
    use.update(z[1:])
    perplexity, rare = use.use()
    one = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    two = math.exp(-(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25)))
    assert perplexity.tolist() == pytest.approx([one, two])
    # the last level of the second was never taken
    assert rare == 1


def test_probabilities_count_as_such():
    use = CodeUse(Codebook([3, 3], one_hots=True))
    use.update(torch.tensor([[1.0, 0.0, 0.0, 1 / 3, 1 / 3, 1 / 3]] * 5))
    perplexity, rare = use.use()
    assert perplexity.tolist() == pytest.approx([1.0, 3.0])
    assert rare == 2


def test_a_single_choice_is_a_choice():
    use = CodeUse(Codebook([3], one_hots=True))
    use.update(torch.eye(3))
    assert use.use()[0].tolist() == pytest.approx([3.0])
