"""What an adversary measures, what it moves, and that one optimiser is two."""

import copy
import math

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits

from tests.model.linear_gaussian import LinearGaussian
from vae.errors import ConfigError
from vae.objectives.adversarial import Adversarial
from vae.objectives.adversary import Adversary
from vae.objectives.factor_vae import FactorVAE, shuffled
from vae.training import adversaries


def trained(first, second, dim, steps=700):
    """An adversary that has seen many samples of two distributions."""
    torch.manual_seed(0)
    d = Adversary(dim, hidden=[64, 64])
    optimizer = torch.optim.Adam(d.parameters(), lr=3e-3)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * (1 - step / steps)
        optimizer.zero_grad()
        d.error(first(512), second(512)).mean().backward()
        optimizer.step()
    return d


def test_it_finds_the_total_correlation_of_a_gaussian():
    rho = 0.8
    joint = MultivariateNormal(torch.zeros(2), torch.tensor([[1.0, rho], [rho, 1.0]]))
    d = trained(lambda n: joint.sample((n,)), lambda n: shuffled(joint.sample((n,))), 2)
    with torch.no_grad():
        found = d(joint.sample((20_000,))).mean().item()
    assert found == pytest.approx(-0.5 * math.log(1 - rho**2), abs=0.05)


def test_it_finds_the_divergence_of_two_gaussians():
    p, q = Normal(0.0, 1.0), Normal(0.7, 0.8)
    d = trained(lambda n: q.sample((n, 1)), lambda n: p.sample((n, 1)), 1)
    with torch.no_grad():
        found = d(q.sample((20_000, 1))).mean().item()
    assert found == pytest.approx(kl_divergence(q, p).item(), abs=0.05)


def test_shuffled_codes_keep_their_dimensions_and_lose_their_ties():
    z = torch.randn(5000, 1).expand(5000, 3) + torch.arange(3)
    apart = shuffled(z)
    assert torch.equal(apart.sort(0).values, z.sort(0).values)
    assert torch.corrcoef(apart.T).fill_diagonal_(0).abs().max() < 5 / 5000**0.5


def test_its_error_is_binary_cross_entropy():
    d = Adversary(3, hidden=[8]).double()
    one, two = torch.randn(6, 3).double(), torch.randn(6, 3).double()
    expected = binary_cross_entropy_with_logits(
        torch.cat([d(one), d(two)]),
        torch.cat([torch.ones(6), torch.zeros(6)]).double(),
        reduction="none",
    )
    torch.testing.assert_close(d.error(one, two), expected[:6] + expected[6:])


OBJECTIVES = {
    "factor_vae": lambda d: FactorVAE(d, gamma=3.0),
    "adversarial": lambda d: Adversarial(d, weight=3.0),
}


@pytest.fixture(params=OBJECTIVES)
def setting(request):
    exact = LinearGaussian()
    exact.spoil_posterior()
    d = Adversary(exact.model.latent_dim, hidden=[16]).double()
    return exact, d, OBJECTIVES[request.param](d)


def test_each_side_moves_its_own_weights(setting):
    exact, d, objective = setting
    terms = objective(exact.model(exact.x))
    terms.objective.mean().backward(retain_graph=True)
    assert all(p.grad is None for p in d.parameters())
    assert all(p.grad is not None for p in exact.model.encoder.parameters())
    before = [p.grad.clone() for p in exact.model.encoder.parameters()]
    terms.adversary.mean().backward()
    assert all(p.grad is not None for p in d.parameters())
    after = [p.grad for p in exact.model.encoder.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_codes_are_moved_as_the_adversary_judges_them(setting):
    """The gradient of the objective in z, against that of its formula."""
    exact, d, objective = setting
    record = exact.model(exact.x)
    z = record.z[0]
    value = objective.maximised(record, 1.0).sum()
    found = torch.autograd.grad(value, record.z, retain_graph=True)[0]
    plain = -record.log_px.neg().mean(0)
    if isinstance(objective, FactorVAE):
        expected = plain - objective.rate(record) - 3 * d(z)
    else:
        expected = plain + 3 * torch.sigmoid(d(z)).log()
    wanted = torch.autograd.grad(expected.sum(), record.z)[0]
    torch.testing.assert_close(found, wanted)


def test_one_optimiser_is_two(setting):
    """Some steps with a group of its own, against two Adams written by hand, clipped apart."""
    exact, d, objective = setting
    d.settings = {"lr": 0.02, "betas": (0.5, 0.9), "weight_decay": 0.0}
    alone = copy.deepcopy((exact.model, objective))

    def steps(model, objective, optimizers, clip):
        torch.manual_seed(3)
        for _ in range(4):
            for optimizer in optimizers:
                optimizer.zero_grad()
            objective(model(exact.x)).loss.backward()
            clip(model, objective.adversary)
            for optimizer in optimizers:
                optimizer.step()

    together = torch.optim.Adam(exact.model.parameters(), lr=0.01)
    together.add_param_group(adversaries.group(d, together))

    class Clips:
        def clip_gradients(self, optimizer, gradient_clip_val):
            parameters = [p for g in optimizer.param_groups for p in g["params"]]
            torch.nn.utils.clip_grad_norm_(parameters, gradient_clip_val)

    def by_groups(*_):
        adversaries.clip_each(Clips(), together, gradient_clip_val=0.1)

    def apart(model, adversary):
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        torch.nn.utils.clip_grad_norm_(adversary.parameters(), 0.1)

    steps(exact.model, objective, [together], by_groups)
    model, other = alone
    two = [
        torch.optim.Adam(model.parameters(), lr=0.01),
        torch.optim.Adam(other.adversary.parameters(), lr=0.02, betas=(0.5, 0.9)),
    ]
    steps(model, other, two, apart)
    for one, by_hand in (*zip(exact.model.parameters(), model.parameters(), strict=True),):
        torch.testing.assert_close(one, by_hand)
    for one, by_hand in zip(d.parameters(), other.adversary.parameters(), strict=True):
        torch.testing.assert_close(one, by_hand)


def test_settings_that_the_optimiser_lacks_are_refused():
    d = Adversary(2, hidden=[4])
    with pytest.raises(ConfigError, match=r"adversary.betas .* SGD has none; choose optimizer="):
        adversaries.group(d, torch.optim.SGD([torch.zeros(1)], lr=0.1))


@pytest.mark.parametrize("words", [{"hidden": [0]}, {"lr": 0.0}])
def test_what_makes_no_adversary_is_refused(words):
    with pytest.raises(ValueError, match="must be positive"):
        Adversary(2, **words)
    with pytest.raises(ValueError, match="gamma must be at least 0"):
        FactorVAE(Adversary(2), gamma=-1)
    with pytest.raises(ValueError, match="weight must be at least 0"):
        Adversarial(Adversary(2), weight=-1)
