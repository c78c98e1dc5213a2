"""A ladder's single way down gives what its distributions give one by one, and the chain rule."""

import math

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from vae.cli.command import compose
from vae.config.build import build_model
from vae.errors import ConfigError
from vae.model.importance import importance
from vae.model.ladder.distributions import GivenPath
from vae.model.ladder.path import HIGHEST, LOWEST, diagonal
from vae.objectives.elbo import ELBO
from vae.objectives.free_bits import FreeBits
from vae.objectives.iwae import IWAE

WORDS = ["data=digits", "model=ladder", "model.channels=6", "model.latent_channels=2"]


def built(*words, shape=(1, 8, 8)):
    model = build_model(compose(*WORDS, *words), shape).eval().double()
    with torch.no_grad():
        for parameter in model.parameters():
            # zero-initialised layers take part too
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.fixture(params=["[1]", "[2,1]", "[1,2,1]"])
def model(request):
    return built(f"model.layers={request.param}")


@pytest.fixture
def x():
    return torch.bernoulli(torch.full((3, 1, 8, 8), 0.4)).double()


def test_one_way_down_is_all_of_them(model, x):
    record = model(x, 4)
    assert record.z.shape == (4, 3, model.latent_dim)
    assert sum(model.layers) == model.latent_dim
    q = model.encode(x)
    assert torch.allclose(record.log_qz, q.log_prob(record.z))
    assert torch.allclose(record.log_pz, model.latent_prior().log_prob(record.z))
    assert torch.allclose(record.log_px, model.decode(record.z).log_prob(x))
    z, log_q = q.rsample_and_log_prob(torch.Size([2]))
    assert torch.allclose(log_q, q.log_prob(z))


def test_each_example_has_a_posterior_of_its_own(model, x):
    z = model.encode(x).sample()
    for i in range(3):
        alone = model.encode(x[i : i + 1])
        assert torch.allclose(alone.log_prob(z[i : i + 1])[0], model.encode(x).log_prob(z)[i])
        # and of several samples each
        deep = torch.stack([z, z + 0.1])
        assert torch.allclose(
            model.encode(x).log_prob(deep)[1, i], alone.log_prob(deep[1, i][None])[0]
        )
        other = model.encode(x[(i + 1) % 3][None])
        assert not torch.allclose(other.log_prob(z[i : i + 1]), alone.log_prob(z[i : i + 1]))


def test_samples_of_several_examples_are_each_ones_own(model, x):
    """In one way down for S samples of B examples, each row sees its own x."""
    record = model(x, 3)
    for i in range(3):
        alone = model.encode(x[i : i + 1]).log_prob(record.z[:, i : i + 1])
        assert torch.allclose(record.log_qz[:, i], alone[:, 0])


@pytest.mark.slow
def test_the_rate_in_closed_form_is_the_sampled_one_on_average(model, x):
    record = model(x, 3000)
    ratio, closed = record.log_qz - record.log_pz, torch.stack(record.sampled_kl).sum(0)
    noise = (ratio - closed).std(0) / math.sqrt(3000)
    assert ((ratio - closed).mean(0).abs() < 5 * noise + 1e-9).all()
    # given the layers above, the sum has less noise than the samples
    assert (closed.std(0) < ratio.std(0) + 1e-9).all()
    assert torch.allclose(ELBO()(record).rate, closed.mean(0))
    # of each layer
    q, p = model.encode(x), model.latent_prior()
    pairs = zip(q.log_prob_of_each(record.z), p.log_prob_of_each(record.z), strict=True)
    for kl, (log_q, log_p) in zip(record.sampled_kl, pairs, strict=True):
        noise = (log_q - log_p - kl).std(0) / math.sqrt(3000)
        assert ((log_q - log_p - kl).mean(0).abs() < 5 * noise + 1e-9).all()
    assert torch.allclose(ELBO(kl="monte_carlo")(record).rate, ratio.mean(0))


def test_free_bits_per_layer_charge_each_layer_at_least_the_threshold(model, x):
    record = model(x, 5)
    rates = torch.stack([kl.mean() for kl in record.sampled_kl])
    limit = rates.median().item() + 1e-6
    terms = FreeBits(nats=limit, per="layer")(record)
    wanted = record.log_px.mean(0) - rates.clamp_min(limit).sum()
    assert torch.allclose(terms.objective, wanted)
    assert torch.allclose(FreeBits(nats=0, per="layer")(record).objective, ELBO()(record).objective)


def test_the_top_layer_is_a_normal_that_depends_on_nothing():
    model = built("model.layers=[1]")
    z = model.draw(5)
    walk = model.prior.walk(5, z=z)
    p, _ = model.prior.steps[0].prior(model.prior.start.expand(5, -1, -1, -1))
    assert torch.allclose(p.log_prob(walk.z[0]), model.latent_prior().log_prob(z))
    # one layer is a flat model, whose rate is known
    x = torch.bernoulli(torch.full((3, 1, 8, 8), 0.4)).double()
    q = model.posterior(model.encoder_features(x))
    head = q.heads(0, model.prior.start.expand(3, -1, -1, -1))
    one = model.prior.steps[0].prior(model.prior.start)[0].base_dist
    wanted = kl_divergence(head, Independent(Normal(one.loc, one.scale), 3).expand((3,)))
    assert torch.allclose(model(x).sampled_kl[0][0], wanted)


def test_layers_that_say_nothing_leave_a_flat_model(x):
    """p(x) does not depend on layers that reach neither h nor each other."""
    model = built("model.layers=[2,1]")
    with torch.no_grad():
        for step in model.prior.steps:
            step.z.weight.zero_()
    z = model.draw(6)
    # every z_l is independent of the others, and x of all of them
    joint = model.latent_prior().log_prob_of_each(z)
    mixed = torch.cat([p[torch.randperm(6)] for p in z.split(model.layers, 1)], 1)
    again = model.latent_prior().log_prob_of_each(mixed)
    for one, other in zip(joint, again, strict=True):
        assert torch.allclose(one.sort().values, other.sort().values)
    assert torch.allclose(model.decode(z).mean[0], model.decode(mixed).mean[1])
    truth = model.decode(z[:1]).log_prob(x)
    proposal = GivenPath(model.prior, None, torch.Size([3]))
    assert torch.allclose(importance(model, x, 5, proposal=proposal).log_px, truth)


def test_z_1_lies_first_and_at_the_finest_resolution():
    model = built("model.layers=[1,2]")
    assert model.layers == [2 * 4 * 4, 2 * 2 * 2, 2 * 2 * 2]
    z = model.draw(2)
    moved = z.clone()
    moved[:, -8:] += 1
    # the top layer is the first drawn: what is above it does not exist
    before, after = (model.latent_prior().log_prob_of_each(v) for v in (z, moved))
    assert not torch.allclose(before[0], after[0])
    moved = z.clone()
    moved[:, : model.layers[0]] += 1
    before, after = (model.latent_prior().log_prob_of_each(v) for v in (z, moved))
    assert torch.allclose(before[1], after[1])
    assert torch.allclose(before[2], after[2])


def test_noise_gives_what_is_drawn(model, x):
    noise = torch.zeros(3, model.latent_dim).double()
    z = model.prior.from_noise(noise, torch.zeros(3))
    walk = model.prior.walk(3, z=z)
    for p_z in walk.z:
        assert p_z.shape[0] == 3
    # at the mode of every layer in turn the density is the product of the peaks
    assert torch.allclose(model.prior.walk(3, noise=noise).flat(), z)
    q = model.encode(x)
    mode = model.posterior.from_noise(model.encoder_features(x), noise)
    assert (q.log_prob(mode) >= q.log_prob(mode + 0.1 * torch.randn_like(mode))).all()


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 9, 14)])
def test_any_image_shape(shape):
    likelihood = "discretized_logistic" if shape[0] == 3 else "bernoulli"
    model = built("model.layers=[1,1,1]", f"model/likelihood={likelihood}", shape=shape)
    x = torch.rand(2, *shape).double().mul(255).round() / 255
    x = x.round() if shape[0] == 1 else x
    assert model(x).log_w.shape == (1, 2)
    assert model.sample(3).shape == (3, *shape)


def test_a_fresh_ladder_starts_near_its_prior_and_learns(x):
    torch.manual_seed(0)
    model = build_model(compose(*WORDS, "model.layers=[2,2]"), (1, 8, 8)).double()
    # p(z) starts as a standard normal, at every layer
    z = model.draw(4)
    standard = Normal(0.0, 1.0).log_prob(z).sum(1)
    assert torch.allclose(model.latent_prior().log_prob(z), standard)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(60):
        loss = IWAE(num_samples=2)(model(x, 2)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 5
    unused = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert unused == []


def test_variances_are_bounded():
    wild = diagonal(torch.cat([torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 1e4)], 1))
    tame = diagonal(torch.cat([torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), -1e4)], 1))
    assert torch.allclose(wild.stddev, torch.tensor(math.exp(HIGHEST / 2)))
    assert torch.allclose(tame.stddev, torch.tensor(math.exp(LOWEST / 2)))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model.layers=[]"], r"set for instance model\.layers"),
        (["model.layers=[0,1]"], "each at least 1"),
        (["model.layers=[1,1,1,1,1]"], "halves an image"),
        (["model.condition=label", "model.context_size=10"], "set it to null"),
    ],
)
def test_bad_settings_are_one_sentence(words, message):
    with pytest.raises(ConfigError, match=message) as error:
        build_model(compose(*WORDS, *words), (1, 8, 8))
    assert "\n" not in str(error.value)
