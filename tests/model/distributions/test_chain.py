"""The chain rule of a joint normal distribution."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from vae.model.distributions.chain import Chain


def chain(order):
    """A joint normal distribution by its conditionals, and the same by its covariance."""
    g = torch.Generator().manual_seed(5)
    factor = torch.randn(6, 6, generator=g).double()
    covariance = factor @ factor.T + torch.eye(6).double()
    pieces = [list(range(3)), list(range(3, 5)), [5]]
    first = pieces[order[0]]
    start = MultivariateNormal(torch.zeros(len(first)).double(), covariance[first][:, first])

    def step(n):
        mine, theirs = pieces[order[n]], [pieces[o] for o in reversed(order[:n])]
        given = [i for piece in theirs for i in piece]
        gain = covariance[mine][:, given] @ covariance[given][:, given].inverse()
        rest = covariance[mine][:, mine] - gain @ covariance[given][:, mine]

        def conditional(before):
            mean = torch.cat(list(before), -1) @ gain.T
            return MultivariateNormal(mean, (rest + rest.T) / 2)

        return conditional

    p = Chain([3, 2, 1], order, start, [step(n) for n in (1, 2)])
    return p, MultivariateNormal(torch.zeros(6).double(), covariance)


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2]])
def test_a_chain_is_the_joint_distribution(order):
    p, joint = chain(order)
    z = joint.sample(torch.Size([7, 2]))
    torch.testing.assert_close(p.log_prob(z), joint.log_prob(z))
    torch.testing.assert_close(sum(p.log_prob_of_each(z)), joint.log_prob(z))
    drawn, log_p = p.rsample_and_log_prob(torch.Size([50_000]))
    torch.testing.assert_close(log_p, joint.log_prob(drawn))
    torch.testing.assert_close(torch.cov(drawn.T), joint.covariance_matrix, atol=0.5, rtol=0.05)
    entropy = -float(log_p.mean())
    assert entropy == pytest.approx(float(joint.entropy()), abs=5 * math.sqrt(3 / 50_000))
    assert p.sample(torch.Size([2])).shape == (2, 6)
