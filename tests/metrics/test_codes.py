"""The use of codes against counts by hand."""

import math

import pytest
import torch

from vae.metrics.codes import CodeUse
from vae.model.distributions.codebook import GridCodes, OneHotCodes
from vae.model.distributions.codes import on_grid
from vae.model.distributions.vector_codes import VectorCodes


def test_perplexity_is_the_exponential_of_the_entropy_of_what_is_taken():
    use = CodeUse(GridCodes([2, 4]))
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


def test_choices_among_the_same_vectors_are_counted_together():
    book = VectorCodes(4, 2, groups=3)
    use = CodeUse(book)
    taken = torch.tensor([[0, 0, 1], [0, 2, 2]])
    use.update(book.join(book.each[0].vectors[taken]))
    perplexity, rare = use.use()
    share = torch.tensor([1 / 2, 1 / 6, 1 / 3])
    assert perplexity.tolist() == pytest.approx([float((-share * share.log()).sum().exp())])
    assert rare == 1
    assert use.summary(use.compute()) | {"perplexity": 0} == {
        "choices": 3,
        "classes": 4,
        "perplexity": 0,
        "rare": 1,
        "lists": 1,
    }


def test_probabilities_count_as_such():
    use = CodeUse(OneHotCodes(2, 3))
    use.update(torch.tensor([[1.0, 0.0, 0.0, 1 / 3, 1 / 3, 1 / 3]] * 5))
    perplexity, rare = use.use()
    assert perplexity.tolist() == pytest.approx([1.0, 3.0])
    assert rare == 2


def test_a_single_choice_is_a_choice():
    use = CodeUse(OneHotCodes(1, 3))
    use.update(torch.eye(3))
    assert use.use()[0].tolist() == pytest.approx([3.0])
