"""Residual quantisation, a list at each depth, against sums by hand, in float64."""

import pytest
import torch

from tests.model.posteriors.test_vq import trained
from vae.model.posteriors.vq import VQ, rotated


@pytest.mark.parametrize("places", [1, 4])
def test_each_list_takes_what_those_before_it_leave(places):
    torch.manual_seed(0)
    posterior = VQ(12 * places, classes=5, length=2, depth=3, places=places).double().eval()
    assert posterior.feature_shape == (4 * places,)
    f = torch.randn(30, 4, places).double()
    q = posterior(f.flatten(1))
    z = q.mean.unflatten(1, (2, 3, 2, places))
    penalty = torch.zeros(30).double()
    for place in range(places):
        for group in range(2):
            left = f[:, 2 * group : 2 * group + 2, place]
            for depth in range(3):
                vectors = posterior.codebook.each[depth].vectors
                nearest = vectors[torch.cdist(left, vectors).argmin(1)]
                torch.testing.assert_close(z[:, group, depth, :, place], nearest)
                left = left - nearest
                penalty += 0.25 * left.square().sum(1)
    torch.testing.assert_close(q.penalty, penalty)
    book = posterior.codebook
    choices = book.choices(q.mean)
    assert choices.unflatten(1, (6 * places, 5)).sum(-1).eq(1).all()
    assert torch.equal(book.numbers(choices), q.mean)


@pytest.mark.parametrize("gradient", ["straight_through", "rotation"])
def test_a_decoder_that_adds_the_vectors_up_passes_on_the_gradient_of_one(gradient):
    posterior = trained(depth=3, length=2, gradient=gradient).eval()
    f = torch.randn(40, 2).double().requires_grad_()
    added = posterior(f).rsample().unflatten(1, (3, 2)).sum(1)
    weight = torch.randn(40, 2).double()
    (found,) = torch.autograd.grad((added * weight).sum(), f)
    if gradient == "straight_through":
        torch.testing.assert_close(found, weight)
    else:
        left, turns = f.detach(), torch.zeros(40, 2).double()
        for own in posterior.codebook.each:
            e = own.vectors[own.nearest(left)]
            start = left.clone().requires_grad_()
            turns += torch.autograd.grad((rotated(start, e) * weight).sum(), start)[0] / 3
            left = left - e
        torch.testing.assert_close(found, turns)


def test_more_lists_leave_less():
    torch.manual_seed(0)
    f = torch.randn(2000, 4).double().requires_grad_()
    errors = []
    for depth in (1, 2, 4):
        posterior = VQ(4 * depth, classes=8, depth=depth, decay=0.5).double()
        for _ in range(30):
            posterior(f)
        z = posterior.eval()(f).mean.detach().unflatten(1, (depth, 4)).sum(1)
        errors.append(float((f.detach() - z).square().sum(1).mean()))
    assert errors[1] < 0.6 * errors[0]
    assert errors[2] < 0.6 * errors[1]
