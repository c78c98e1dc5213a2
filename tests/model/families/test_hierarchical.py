"""A hierarchy of two linear-Gaussian layers, whose log p(x) and posterior are known exactly."""

import pytest
import torch
from scipy import stats
from torch import nn
from torch.distributions import Independent, Normal

from vae.metrics.surgery import surgery
from vae.model.families.hierarchical import Hierarchical
from vae.model.importance import importance
from vae.model.likelihoods.gaussian import Gaussian
from vae.model.posteriors.diagonal_normal import DiagonalNormal
from vae.model.priors.standard_normal import StandardNormal
from vae.objectives.dreg import DReG
from vae.objectives.elbo import ELBO
from vae.objectives.iwae import IWAE
from vae.objectives.sticking_the_landing import StickingTheLanding

A, W = torch.tensor([0.9, -1.4]).double(), torch.tensor([1.3, 0.7]).double()
TAU, SCALE = torch.tensor([0.5, 0.8]).double(), 0.6


def linear(weight, bias):
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = weight, bias
    return layer


class Exact:
    r"""p(z_2) = N(0, I), p(z_1|z_2) = N(A z_2, T^2), p(x|z_1) = N(Q W z_1, s^2 I).

    A, T and W are diagonal.

    Given z_1 the dimensions of z_2 are independent, given x those of z_1 are, since Q's columns
    are orthonormal; so either factorisation of the posterior is one of diagonal normals.
    """

    def __init__(self, inference):
        g = torch.Generator().manual_seed(3)
        q, _ = torch.linalg.qr(torch.randn(4, 2, generator=g).double())
        weight = q * W
        zeros = torch.zeros(2, 2).double()
        parts = {
            "likelihood": lambda **_: Gaussian((4,), scale=SCALE),
            "posterior": lambda latent_dim: DiagonalNormal(latent_dim),
            "prior": lambda latent_dim, **_: StandardNormal(latent_dim),
            "encoder": lambda out_shape: nn.Linear(4, out_shape[0]),
            "decoder": lambda in_shape, out_shape: linear(weight, torch.zeros(4).double()),
        }
        model = Hierarchical.build(
            lambda name, **sizes: parts[name](**sizes), [2, 2], [], inference
        ).double()
        # p(z_1|z_2)
        model.prior.steps[0].network[-1].load_state_dict(
            {
                "weight": torch.cat([torch.diag(A), zeros]),
                "bias": torch.cat([torch.zeros(2).double(), 2 * TAU.log()]),
            }
        )
        # x as an observation of z_1: N(mean(x), noise^2) in z_1
        to_mean, noise = (q / W).T, SCALE / W
        marginal = A.square() + TAU.square()
        if inference == "bottom_up":
            precision = noise**-2 + 1 / marginal
            gain = noise**-2 / precision
            model.encoder = linear(
                torch.cat([gain[:, None] * to_mean, torch.zeros(2, 4).double()]),
                torch.cat([torch.zeros(2).double(), -precision.log()]),
            )
            above = 1 + A.square() / TAU.square()
            model.posterior.steps[0].network[-1].load_state_dict(
                {
                    "weight": torch.cat([torch.diag(A / TAU.square() / above), zeros]),
                    "bias": torch.cat([torch.zeros(2).double(), -above.log()]),
                }
            )
        else:
            # the features are x as an observation of z_1, twice
            model.encoder = linear(torch.cat([to_mean, to_mean]), torch.zeros(4).double())
            for parameter in model.posterior.up.parameters():
                parameter.data.zero_()
            spread = noise.square() + TAU.square()
            precision = 1 + A.square() / spread
            for head, gain, log_variance in (
                (model.posterior.heads[0], torch.ones(2).double(), 2 * noise.log()),
                (model.posterior.heads[1], A / spread / precision, -precision.log()),
            ):
                mean = torch.cat([torch.diag(gain), zeros], 1)
                head.weight.data = torch.cat([mean, torch.zeros_like(mean)])
                head.bias.data = torch.cat([torch.zeros(2).double(), log_variance])
        self.model = model
        covariance = weight @ torch.diag(marginal) @ weight.T + SCALE**2 * torch.eye(4).double()
        exact = stats.multivariate_normal(torch.zeros(4).numpy(), covariance.numpy())
        self.noise, self.exact = noise, exact
        self.x = torch.from_numpy(exact.rvs(6, random_state=0))
        self.log_px = torch.from_numpy(exact.logpdf(self.x.numpy()))


@pytest.fixture(params=["bottom_up", "top_down"])
def exact(request):
    return Exact(request.param)


def test_every_weight_of_the_exact_posterior_is_p_of_x(exact):
    record = exact.model.train()(exact.x, 3)
    torch.testing.assert_close(record.log_w, exact.log_px.expand(3, -1))
    for objective in (ELBO(3), IWAE(3), StickingTheLanding(3), DReG(3)):
        torch.testing.assert_close(objective(record).objective, exact.log_px)


def test_the_estimate_of_log_px_is_that_of_quadrature(exact):
    for parameter in exact.model.posterior.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    found = importance(exact.model.eval(), exact.x, 20_000)
    error = found.variance.sqrt()
    assert bool(((found.log_px - exact.log_px).abs() < 5 * error + 1e-9).all())
    assert bool((error < 0.05).all())


@pytest.mark.parametrize("objective", [StickingTheLanding(4), DReG(4)])
def test_path_gradients_vanish_where_the_posterior_is_exact(exact, objective):
    loss = objective(exact.model.train()(exact.x, 4)).loss
    own = [*exact.model.encoder.parameters(), *exact.model.posterior.parameters()]
    for gradient in torch.autograd.grad(loss, own, allow_unused=True):
        if gradient is not None:
            assert float(gradient.abs().max()) < 1e-10
    # the score term of the ELBO by samples alone does not
    rough = ELBO(4, kl="monte_carlo")(exact.model(exact.x, 4)).loss
    (noisy,) = torch.autograd.grad(rough, [exact.model.encoder.weight])
    assert float(noisy.abs().max()) > 1e-3


def test_dreg_has_the_gradient_of_iwae_on_average():
    exact = Exact("bottom_up")
    for parameter in exact.model.posterior.parameters():
        parameter.data += 0.3
    means = []
    for objective in (IWAE(3), DReG(3)):
        torch.manual_seed(0)
        x = exact.x[:1].expand(40_000, -1)
        loss = objective(exact.model.train()(x, 3)).loss
        means.append(torch.autograd.grad(loss, list(exact.model.posterior.parameters())))
    for one, other in zip(*means, strict=True):
        torch.testing.assert_close(one, other, atol=0.03, rtol=0.05)


def test_a_layer_that_nothing_looks_at_changes_nothing():
    """With p(z_1|z_2) = N(0, I) and q(z_2|.) = p(z_2), the hierarchy is the flat model."""
    exact = Exact("bottom_up")
    model = exact.model
    with torch.no_grad():
        for network in (model.prior.steps[0].network[-1], model.posterior.steps[0].network[-1]):
            network.weight.zero_()
            network.bias.zero_()
    record = model.train()(exact.x, 5)
    z = record.z[..., :2]
    first = model.posterior.first(model.encoder(exact.x))
    flat = (
        record.likelihood.log_prob(exact.x)
        + Independent(Normal(torch.zeros(2).double(), 1.0), 1).log_prob(z)
        - first.log_prob(z)
    )
    torch.testing.assert_close(record.log_w, flat)


def test_new_examples_have_the_models_covariance(exact):
    torch.manual_seed(0)
    x = exact.model.eval().sample(60_000)
    covariance = torch.cov(x.T)
    weight = exact.model.decoder.weight.detach()
    expected = weight @ torch.diag(A.square() + TAU.square()) @ weight.T
    expected = expected + SCALE**2 * torch.eye(4).double()
    torch.testing.assert_close(covariance, expected, atol=0.08, rtol=0.05)
    noise = torch.randn(60_000, 4).double()
    z = exact.model.prior.from_noise(noise, torch.rand(60_000).double())
    torch.testing.assert_close(
        torch.cov(z[:, :2].T), torch.diag(A.square() + TAU.square()), atol=0.08, rtol=0.05
    )


def test_a_sample_is_a_function_of_its_noise(exact):
    q = exact.model.encode(exact.x)
    torch.manual_seed(1)
    z = q.rsample()
    torch.manual_seed(1)
    noise = torch.cat([torch.randn(6, 2, dtype=torch.float64) for _ in range(2)], -1)
    torch.testing.assert_close(
        exact.model.posterior.from_noise(exact.model.encoder(exact.x), noise), z
    )


# what is refused


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model.layers=[5]"], "at least two vectors"),
        (["model.layers=[5,0]"], "at least two vectors"),
        (["model/prior=vampprior"], r"set model\.inference=top_down"),
        (["model/posterior=iaf"], "choose model/posterior=diagonal_normal"),
        (["model.inference=sideways"], "model.inference must be bottom_up or top_down"),
        (["objective=mmd"], r"a hierarchy's .* is learned, but objective=mmd gives it no gradient"),
        (["objective=beta_tc"], "needs a posterior and a prior that are products"),
    ],
)
def test_what_makes_no_hierarchy_is_refused(words, message):
    from vae.cli.command import compose
    from vae.config.build import build_data
    from vae.errors import ConfigError
    from vae.training.build import build_module

    config = compose("model=hierarchical", "data=digits", *words)
    with pytest.raises(ConfigError, match=message):
        build_module(config, build_data(config))


def test_a_variance_stays_finite_however_far_the_layer_above_lies(exact):
    conditional = exact.model.prior.steps[0]
    conditional.network[-1].weight.data.fill_(1.0)
    above = torch.full((5, 2), 1e4).double()
    drawn = conditional(above).rsample()
    assert bool(conditional(above).log_prob(drawn).isfinite().all())
    drawn.sum().backward()
    assert bool(conditional.network[-1].weight.grad.isfinite().all())


def test_what_each_layer_tells_is_that_of_a_gaussian_channel(exact):
    """Over the model's own data, whose q(z) is p(z)."""
    x = torch.from_numpy(exact.exact.rvs(20_000, random_state=1))
    torch.manual_seed(0)
    found = surgery(exact.model, x, num_codes=500)
    spread = exact.noise.square() + TAU.square()
    top = 0.5 * torch.log1p(A.square() / spread).sum()
    below = 0.5 * torch.log1p(TAU.square() / exact.noise.square()).sum()
    first = exact.model.posterior.__class__.__name__ == "BottomUp"
    # z_1 tells all there is where it is drawn first, and z_2 then nothing
    truth = [top + below, 0.0] if first else [below, top]
    for layer, value in zip(found.by_layer, truth, strict=True):
        assert layer.value == pytest.approx(float(value), abs=4 * layer.standard_error + 0.02)
    total = sum(layer.value for layer in found.by_layer)
    assert total == pytest.approx(found.mutual_information.value, abs=1e-9)
    assert abs(found.aggregate_kl.value) < 0.03
