import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vae.model.distributions.normal_mixture import NormalMixture


def both(k=7, d=5, dtype=torch.float64):
    log_weights = torch.randn(k).double().log_softmax(0).to(dtype)
    loc, scale = torch.randn(k, d).to(dtype) * 2, (torch.rand(k, d) + 0.05).to(dtype)
    theirs = MixtureSameFamily(
        Categorical(logits=log_weights), Independent(Normal(loc, scale), 1), validate_args=False
    )
    return NormalMixture(log_weights, loc, scale), theirs


def test_equals_torchs():
    ours, theirs = both()
    z = torch.randn(3, 4, 5).double() * 2
    torch.testing.assert_close(ours.log_prob(z), theirs.log_prob(z))
    torch.testing.assert_close(ours.mean, theirs.mean)
    torch.testing.assert_close(ours.variance, theirs.variance)


def test_narrow_components_keep_their_digits_in_float32():
    """The three terms of the square cancel: scales of 0.003 would lose whole nats."""
    loc = torch.randn(50, 20)
    scale = torch.full((50, 20), 0.003)
    weights = torch.full((50,), 1 / 50).log()
    z = loc[:8] + 0.003 * torch.randn(8, 20)
    exact = NormalMixture(weights.double(), loc.double(), scale.double()).log_prob(z.double())
    found = NormalMixture(weights, loc, scale).log_prob(z).double()
    torch.testing.assert_close(found, exact, rtol=0, atol=1e-4)


def test_samples_have_the_moments():
    ours, _ = both()
    z = ours.sample((200_000,))
    assert ((z.mean(0) - ours.mean).abs() < 4 * z.std(0) / 200_000**0.5).all()
    torch.testing.assert_close(z.var(0), ours.variance, rtol=0.03, atol=0)
    assert not z.requires_grad
