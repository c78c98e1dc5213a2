"""p(x, z|c): a linear-Gaussian model with known log p(x|c), and every network given a context."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence

from vae.config.groups import config_dir
from vae.errors import DataError
from vae.model import VAE
from vae.model.condition import Condition
from vae.model.importance import in_chunks
from vae.model.likelihoods.gaussian import Gaussian
from vae.model.networks.context import Modulation
from vae.model.networks.mlp import MLP
from vae.model.posteriors.diagonal_normal import DiagonalNormal
from vae.model.priors.conditional_normal import ConditionalNormal
from vae.reporting import views

SCALE, F, D, C = 0.7, 4, 2, 3


def parameters(layer, weight, bias):
    layer.weight.data, layer.bias.data = weight, bias


@pytest.fixture
def exact():
    """A model with p(z|c) = N(m_c, s_c^2), p(x|z, c) = N(W z + V c, SCALE^2), its m, s, W, V."""
    g = torch.Generator().manual_seed(1)

    def drawn(*shape):
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    w, v, m, s = torch.linalg.qr(drawn(F, D))[0] * 1.5, drawn(F, C), drawn(C, D), drawn(C, D) / 3
    encoder = MLP((F,), (2 * D,), [], context_dim=C)
    decoder = MLP((D,), (F,), [], context_dim=C)
    prior = ConditionalNormal(D, C)
    model = VAE(encoder, decoder, DiagonalNormal(D), prior, Gaussian((F,), scale=SCALE)).double()
    model.condition = Condition("label", C)
    parameters(model.decoder.last, torch.cat([w, v], 1), torch.zeros(F).double())
    parameters(prior.parameters_of, torch.cat([m, s], 1).T, torch.zeros(2 * D).double())
    return model.eval(), w, v, m, s.exp()


def true_log_px(x, label, w, v, m, s):
    one = torch.eye(C).double()[label]
    mean = m[label] @ w.T + one @ v.T
    covariance = w @ torch.diag_embed(s[label] ** 2) @ w.T + SCALE**2 * torch.eye(F).double()
    return MultivariateNormal(mean, covariance).log_prob(x)


def test_the_estimate_is_log_p_of_x_given_c(exact):
    model, *known = exact
    x, label = torch.rand(6, F).double(), torch.tensor([0, 1, 2, 2, 0, 1])
    found = model.given(label).log_prob(x, 20_000)
    truth = true_log_px(x, label, *known)
    assert ((found.log_px - truth).abs() < 6 * found.variance.sqrt()).all()
    # and not log p(x|c) of another c
    other = true_log_px(x, (label + 1) % C, *known)
    assert ((found.log_px - other).abs() > 0.1).all()


def test_the_rate_is_against_the_prior_of_each_class(exact):
    model = exact[0]
    x, label = torch.rand(5, F).double(), torch.tensor([2, 0, 1, 1, 2])
    record = model.given(label)(x)
    for i, c in enumerate(label):
        p, q = model.given(c[None]), model.given(c[None]).encode(x[i : i + 1])
        assert torch.allclose(record.kl[i], kl_divergence(q, p.latent_prior())[0])
    assert torch.allclose(record.kl_per_dimension.sum(1), record.kl)


def test_an_exact_posterior_leaves_nothing_to_estimate(exact):
    model, w, v, m, s = exact
    c = 1
    # q(z|x, c) in closed form, for one class
    precision = 1.5**2 / SCALE**2 + s[c] ** -2
    weight = (w.T / SCALE**2) / precision[:, None]
    shift = (m[c] / s[c] ** 2 - w.T @ v[:, c] / SCALE**2) / precision
    rows = torch.zeros(2 * D, F + C).double()
    rows[:D, :F], rows[:D, F + c] = weight, shift
    # the features are means and logarithms of variances
    bias = torch.cat([torch.zeros(D).double(), -precision.log()])
    parameters(model.encoder.last, rows, bias)
    x, label = torch.rand(4, F).double(), torch.full((4,), c)
    assert torch.allclose(model.given(label).encode(x).stddev, precision.rsqrt().expand(4, D))
    found = model.given(label).log_prob(x, 3)
    assert torch.allclose(found.log_px, true_log_px(x, label, w, v, m, s), atol=1e-8)
    assert (found.effective > 3 - 1e-6).all()


def test_samples_have_the_moments_of_their_class(exact):
    model, w, v, m, s = exact
    for c in range(C):
        x = model.given(torch.tensor([c])).sample(40_000)
        mean = w @ m[c] + v[:, c]
        deviation = (w**2 @ s[c] ** 2 + SCALE**2).sqrt()
        assert ((x.mean(0) - mean).abs() < 5 * deviation / math.sqrt(40_000)).all()
        assert torch.allclose(x.std(0), deviation, rtol=0.03)


NETWORKS = sorted(p.stem for p in (config_dir() / "model/encoder").glob("*.yaml"))


@pytest.fixture(params=NETWORKS)
def built(request):
    from vae.cli.command import compose
    from vae.config.build import build_data, build_model

    word = request.param
    config = compose(
        "data=digits",
        f"model/encoder={word}",
        f"model/decoder={word}",
        "model/prior=conditional_normal",
        "model.condition=label",
        "model.latent_dim=3",
        "model.embedding=4",
    )
    data = build_data(config)
    model = build_model(config, data.event_shape, data).eval().double()
    with torch.no_grad():
        for parameter in model.parameters():
            # modulations and the prior start at zero
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model, data.some(6, "test")


def test_each_example_has_its_own_context(built):
    model, batch = built
    x = batch.x.double()
    given = model.given(batch.context)
    z = given.embed(x)
    for i in range(6):
        alone = model.given(batch.context[i : i + 1])
        assert torch.allclose(alone.embed(x[i : i + 1])[0], z[i])
        assert torch.allclose(alone.decode(z[i]).mean[0], given.decode(z).mean[i])
        other = model.given((batch.context[i : i + 1] + 1) % 10)
        assert not torch.allclose(other.embed(x[i : i + 1])[0], z[i])
        assert not torch.allclose(other.decode(z[i]).mean[0], given.decode(z).mean[i])
    # several samples of each, and pieces
    deep = torch.stack([z, z + 1])
    assert torch.allclose(given.decode(deep).mean[1], given.decode(z + 1).mean)
    pieces = torch.cat([own.decode(some).mean for own, some in in_chunks(given, z, 1e-3)])
    assert torch.allclose(pieces, given.decode(z).mean)
    assert torch.allclose(views.decoded(given, z, 1e-3), given.decode(z).mean)


def test_a_modulation_is_the_identity_at_the_start_and_its_formula_after():
    x, c = torch.randn(2, 3, 4, 4), torch.randn(2, 5)
    modulation = Modulation(3, 5)
    assert torch.equal(modulation(x, c), x)
    modulation.linear.reset_parameters()
    a, b = modulation.linear(c)[:, :3], modulation.linear(c)[:, 3:]
    for n in range(2):
        for k in range(3):
            wanted = (1 + a[n, k]) * x[n, k] + b[n, k]
            assert torch.allclose(modulation(x, c)[n, k], wanted, atol=1e-6)


def test_interpolation_ends_where_it_should(built):
    model, batch = built
    x = batch.x.double()
    given = model.given(batch.context)
    between = views.interpolation(given, x[:3], x[3:], 5).unflatten(0, (3, 5))
    again = views.decoded(given, given.embed(x))
    assert torch.allclose(between[:, 0], again[:3])
    assert torch.allclose(between[:, -1], again[3:])
    # half of the way in z and in c
    z, c = given.embed(x), given.context
    half = model.given_embedded((c[:3] + c[3:]) / 2).decode((z[:3] + z[3:]) / 2).mean
    assert torch.allclose(between[:, 2], half)
    held = views.interpolation(given, x[:3], x[3:], 5, torch.tensor([7])).unflatten(0, (3, 5))
    seven = views.decoded(model.given(torch.tensor([7])), given.embed(x))
    assert torch.allclose(held[:, -1], seven[3:])


def test_analogies_keep_the_code_and_change_the_class(built):
    model, batch = built
    x = batch.x.double()
    rows = views.analogies(model.given(batch.context), x, torch.arange(10)).unflatten(0, (6, 11))
    assert torch.equal(rows[:, 0], x)
    again = views.decoded(model.given(batch.context), model.given(batch.context).embed(x))
    for i, c in enumerate(batch.context):
        assert torch.allclose(rows[i, 1 + int(c)], again[i])


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (None, "needs that of each example, got none"),
        (torch.tensor([0, 3]), "one of 0 to 2, got 3"),
        (torch.tensor([-1, 0]), "one of 0 to 2, got -1"),
        (torch.tensor([0.5, 0.5]), "whole numbers"),
        (torch.tensor([[1], [2]]), "with shape"),
    ],
)
def test_a_bad_context_is_one_sentence(exact, context, message):
    with pytest.raises(DataError, match=message):
        exact[0].given(context)


def test_as_many_contexts_as_examples(exact):
    model = exact[0]
    with pytest.raises(DataError, match="got 2 for 3"):
        model.given(torch.tensor([0, 1])).encode(torch.rand(3, F).double())
    with pytest.raises(DataError, match="got no c"):
        model.decode(torch.zeros(3, D).double())
    with pytest.raises(DataError, match=r"shape \(B, 4\)"):
        Condition("attributes", 4)(torch.zeros(2, 3))
    flat = VAE(*(getattr(model, p) for p in ("encoder", "decoder", "posterior", "prior")), None)
    assert flat.given(torch.tensor([0])) is flat


@pytest.mark.parametrize("prior", ["conditional_normal", "standard_normal"])
@pytest.mark.parametrize("inference", ["bottom_up", "top_down"])
@pytest.mark.parametrize("skip", ["true", "false"])
def test_of_one_context_at_a_time_a_hierarchy_is_the_same(prior, inference, skip):
    from vae.cli.command import compose
    from vae.config.build import build_model

    words = ["model=hierarchical", "model.layers=[4,3,2]", "model.condition=label"]
    words += [f"model/prior={prior}", f"model.inference={inference}", f"model.skip={skip}"]
    model = build_model(compose(*words, "model.context_size=10"), (1, 28, 28)).eval().double()
    for parameter in model.parameters():
        # at the start no class has a prior of its own
        parameter.data += torch.randn_like(parameter) / 5
    x, c = torch.rand(3, 1, 28, 28).double().round(), torch.tensor([4, 0, 4])
    together = model.given(c)
    z = together.encode(x).sample((2,))
    log_qz = together.encode(x).log_prob(z)
    log_pz = together.latent_prior().log_prob(z)
    for i in range(3):
        alone = model.given(c[i : i + 1])
        one = alone.encode(x[i : i + 1])
        torch.testing.assert_close(one.log_prob(z[:, i : i + 1])[:, 0], log_qz[:, i])
        torch.testing.assert_close(
            alone.latent_prior().log_prob(z[:, i : i + 1])[:, -1], log_pz[:, i]
        )
    # what lies between two layers is of the class too, and only of it
    other = model.given(torch.tensor([5])).latent_prior()
    terms, others = together.latent_prior(), other
    moved = [
        not torch.allclose(a, b)
        for a, b in zip(terms.log_prob_of_each(z), others.log_prob_of_each(z), strict=True)
    ]
    assert moved == [prior == "conditional_normal"] * 3
