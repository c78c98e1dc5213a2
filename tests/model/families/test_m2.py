"""M2 with linear-Gaussian classes, whose log p(x), log p(x, y) and q are known exactly."""

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MultivariateNormal, Normal, kl_divergence

from vae.model.condition import Condition
from vae.model.distributions.class_and_code import ClassAndNormal, ClassAndPrior, one_hot
from vae.model.families.m2 import M2
from vae.model.likelihoods.gaussian import Gaussian
from vae.model.networks.mlp import MLP
from vae.model.posteriors.diagonal_normal import DiagonalNormal
from vae.model.priors.mixture_of_gaussians import MixtureOfGaussians
from vae.model.priors.standard_normal import StandardNormal
from vae.objectives.elbo import ELBO
from vae.objectives.m2 import M2 as Objective

SCALE, F, D, K = 0.7, 4, 2, 3


def set_layer(network, weight, bias):
    network.last.weight.data, network.last.bias.data = weight, bias


@pytest.fixture
def exact():
    """p(x|y, z) = N(W z + v_y, SCALE^2), whose q(y|x) and q(z|x, y) are linear in x and y."""
    g = torch.Generator().manual_seed(1)
    w = torch.linalg.qr(torch.randn(F, D, generator=g).double())[0] * 1.5
    v = torch.randn(K, F, generator=g).double()
    parts = {
        "encoder": MLP((F,), (2 * D,), [], context_dim=K),
        "classifier": MLP((F,), (K,), []),
        "decoder": MLP((D,), (F,), [], context_dim=K),
    }
    model = M2(
        **parts,
        posterior=DiagonalNormal(D),
        prior=StandardNormal(D),
        likelihood=Gaussian((F,), scale=SCALE),
        condition=Condition("label", K),
    ).double()
    model.condition = Condition("label", K)
    covariance = w @ w.T + SCALE**2 * torch.eye(F).double()
    inverse = torch.linalg.inv(covariance)
    set_layer(model.decoder, torch.cat([w, v.T], 1), torch.zeros(F).double())
    # log p(y|x) = x' C^-1 v_y - v_y' C^-1 v_y / 2 + constant
    set_layer(model.classifier, v @ inverse, -0.5 * ((v @ inverse) * v).sum(1))
    precision = 1 + 1.5**2 / SCALE**2
    mean = w.T / SCALE**2 / precision
    rows = torch.zeros(2 * D, F + K).double()
    rows[:D] = torch.cat([mean, -mean @ v.T], 1)
    bias = torch.cat([torch.zeros(D), torch.full((D,), -math.log(precision))]).double()
    set_layer(model.encoder, rows, bias)
    x = torch.rand(6, F, generator=g).double()
    each = MultivariateNormal(v, covariance).log_prob(x[:, None])
    return model.eval(), x, each - math.log(K)


def test_the_bounds_are_exact(exact):
    model, x, joint = exact
    record = model(x)
    assert torch.allclose(model.classify(x), joint.log_softmax(1))
    assert torch.allclose(ELBO(kl="monte_carlo")(record).elbo, joint.logsumexp(1))
    assert torch.allclose(record.log_w, joint.logsumexp(1).expand(K, 6))
    found = model.log_prob(x, 4)
    assert torch.allclose(found.log_px, joint.logsumexp(1))
    assert torch.allclose(found.effective, torch.full((6,), 4.0).double())


def test_a_known_class_gives_log_p_of_x_given_y(exact):
    model, x, joint = exact
    label = torch.tensor([2, 0, -1, 1, -1, 0])
    truth = torch.where(
        label >= 0, joint[torch.arange(6), label.clamp_min(0)] + math.log(K), joint.logsumexp(1)
    )
    found = model.given(label).log_prob(x, 3)
    assert torch.allclose(found.log_px, truth)
    assert torch.allclose(model.given(label).rows(1, 4).log_prob(x[1:4], 3).log_px, truth[1:4])


@pytest.mark.parametrize("num_samples", [1, 3])
@pytest.mark.parametrize("share", [0.02, 0.5])
def test_the_objective_is_that_of_the_paper(exact, num_samples, share):
    model, x, joint = exact
    label = torch.tensor([2, -1, -1, 1, -1, -1])
    record = model.given(label)(x, num_samples)
    objective = Objective(alpha=0.3, num_samples=num_samples, labelled_share=share)
    # where q is exact, every sample's weight is log p(x) itself
    objective.kl = "monte_carlo"
    terms = objective(record)
    known = torch.tensor([0, 3])
    labelled = joint[known, label[known]].mean()
    classifier = joint.log_softmax(1)[known, label[known]].mean()
    unlabelled = joint.logsumexp(1)[label < 0].mean()
    wanted = share * labelled + (1 - share) * unlabelled + 0.3 * classifier
    assert torch.allclose(-terms.loss, wanted)
    # what is logged is the bound on log p(x) of all, whatever is known
    assert torch.allclose(terms.elbo, joint.logsumexp(1))
    assert torch.allclose(objective(model(x)).objective, joint.logsumexp(1))
    closed = Objective(alpha=0.3, num_samples=3000, labelled_share=share)
    assert torch.allclose(-closed(model.given(label)(x, 3000)).loss, wanted, atol=0.06)


def test_every_class_gets_the_gradient_of_the_sum(exact):
    model, x, _ = exact
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    # no noise in z: its scale is next to nothing
    model.encoder.last.bias.data[D:] = -60
    terms = Objective()(model(x))
    terms.objective.sum().backward()
    found = model.classifier.last.weight.grad.clone()
    model.zero_grad()
    log_q, total = model.classify(x), 0
    for y in range(K):
        label = torch.full((6,), y)
        q = model.given(label).encode(x)
        z = q.of_class(label).mean
        code = torch.cat([one_hot(label, K, z.dtype), z], 1)
        rate = kl_divergence(q.of_class(label), StandardNormal(D).double()())
        bound = model.decode(code).log_prob(x) - rate - math.log(K)
        total = total + (log_q[:, y].exp() * (bound - log_q[:, y])).sum()
    total.backward()
    assert torch.allclose(found, model.classifier.last.weight.grad, rtol=1e-4)


def test_a_prior_without_a_closed_form_gives_the_same_bound_on_average(exact):
    model, x, joint = exact
    prior = MixtureOfGaussians(D, 1).double()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.zero_()
        prior_at_zero = prior().log_prob(torch.zeros(1, D).double())
    assert torch.allclose(prior_at_zero, Normal(0.0, 1.0).log_prob(torch.zeros(D)).sum().double())
    model.prior.code = prior
    label = torch.tensor([2, -1, -1, 1, -1, -1])
    terms = Objective(alpha=0, num_samples=2000, labelled_share=0.5)(model.given(label)(x, 2000))
    known = torch.tensor([0, 3])
    wanted = (joint[known, label[known]].mean() + joint.logsumexp(1)[label < 0].mean()) / 2
    assert torch.allclose(-terms.loss, wanted, atol=0.05)


@pytest.fixture
def q():
    g = torch.Generator().manual_seed(0)
    loc, scale = torch.randn(5, K, D, generator=g), torch.rand(5, K, D, generator=g) + 0.3
    return ClassAndNormal(torch.randn(5, K, generator=g), loc, scale)


def test_the_joint_distribution_has_its_moments_and_its_kl(q):
    z = q.sample((40_000,))
    assert z.shape == (40_000, 5, K + D)
    assert torch.equal(z[..., :K].sum(-1), torch.ones(40_000, 5))
    error = (q.variance / 40_000).sqrt()
    assert ((z.mean(0) - q.mean).abs() < 5 * error).all()
    assert torch.allclose(z.var(0), q.variance, rtol=0.06, atol=1e-3)
    code = Independent(Normal(torch.zeros(D), torch.ones(D)), 1)
    for known in (None, torch.tensor([True, False, True, False, False])):
        p = ClassAndPrior(K, code, known)
        ratio = q.log_prob(z) - p.log_prob(z)
        noise = ratio.std(0) / math.sqrt(40_000)
        assert ((ratio.mean(0) - kl_divergence(q, p)).abs() < 5 * noise).all()


def test_its_density_sums_to_one_over_classes(q):
    grid = torch.linspace(-9, 9, 181)
    points = torch.stack(torch.meshgrid(grid, grid, indexing="ij"), -1).flatten(0, 1)
    total = 0
    for y in range(K):
        rows = torch.cat([one_hot(torch.full((len(points),), y), K, points.dtype), points], 1)
        total = total + q.log_prob(rows[:, None]).exp().sum(0) * (grid[1] - grid[0]) ** 2
    assert torch.allclose(total, torch.ones(5), atol=1e-3)


def test_samples_are_of_the_class_that_is_given(exact):
    model = exact[0]
    z = model.given(torch.tensor([2])).draw(50)
    assert torch.equal(z[:, :K].argmax(1), torch.full((50,), 2))
    free = model.draw(30_000)[:, :K].mean(0)
    assert torch.allclose(free, torch.full((K,), 1 / K).double(), atol=0.02)
    counts = Categorical(probs=free).entropy()
    assert float(counts) == pytest.approx(math.log(K), abs=1e-3)


def test_bad_settings_are_one_sentence():
    with pytest.raises(ValueError, match="alpha must be 0 or more"):
        Objective(alpha=-1)
    with pytest.raises(ValueError, match=r"model\.condition=label"):
        M2.build(lambda *a, **k: None)
    embedded = Condition("label", 3, embedding=2)
    with pytest.raises(ValueError, match=r"model\.embedding=null"):
        M2.build(lambda *a, **k: None, condition=embedded)
