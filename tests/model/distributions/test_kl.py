import pytest
import torch
from torch.distributions import (
    Independent,
    Laplace,
    MultivariateNormal,
    Normal,
    kl_divergence,
)

from vae.model.distributions.delta import Delta
from vae.model.distributions.kl import closed_form, per_dimension


def full(batch=5, d=3):
    lower = torch.randn(batch, d, d).double().tril(-1) + torch.diag_embed(
        torch.rand(batch, d) + 0.2
    )
    return MultivariateNormal(torch.randn(batch, d).double(), scale_tril=lower)


def diagonal(d=3):
    return Independent(Normal(torch.randn(d).double(), torch.rand(d).double() + 0.3), 1)


def test_full_against_diagonal_equals_torchs_full_against_full():
    q, p = full(), diagonal()
    same = MultivariateNormal(p.mean, covariance_matrix=torch.diag(p.variance))
    torch.testing.assert_close(closed_form(q, p), kl_divergence(q, same))


def test_what_has_no_closed_form_has_none():
    assert closed_form(full(), Independent(Laplace(torch.zeros(3), torch.ones(3)), 1)) is None
    assert closed_form(Delta(torch.zeros(2, 3)), diagonal()) is None
    assert per_dimension(full(), diagonal()) is None


def test_dimensions_add_up():
    q = Independent(Normal(torch.randn(5, 3).double(), torch.rand(5, 3).double() + 0.1), 1)
    p = diagonal()
    assert per_dimension(q, p).shape == (5, 3)
    torch.testing.assert_close(per_dimension(q, p).sum(-1), kl_divergence(q, p))


def test_a_delta_is_its_point():
    loc = torch.randn(4, 3)
    d = Delta(loc)
    assert d.batch_shape == (4,)
    assert torch.equal(d.mean, loc)
    assert torch.equal(d.rsample((2,)), loc.expand(2, 4, 3))
    assert torch.equal(d.expand((6, 4)).loc, loc.expand(6, 4, 3))
    assert not d.variance.any()
    with pytest.raises(NotImplementedError):
        d.log_prob(loc)
