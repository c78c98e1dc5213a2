"""Every choice meets every other: allowed cells train and are evaluated, others say why.

Posterior, prior and objective meet in the bound, likelihood and networks in p(x|z), so all triples
of each are walked; a sample of the whole lattice is walked besides.
"""

import copy
import itertools
import random

import pytest
import torch

from vae.cli.command import compose
from vae.config import build as config_build
from vae.config.groups import config_dir
from vae.data.batches import Batch
from vae.errors import ConfigError
from vae.training import build
from vae.training.module import VAEModule


def words(group):
    return sorted(p.stem for p in (config_dir() / group).glob("*.yaml"))


POSTERIORS, PRIORS = words("model/posterior"), words("model/prior")
LIKELIHOODS, OBJECTIVES = words("model/likelihood"), words("objective")
ENCODERS, DECODERS = words("model/encoder"), words("model/decoder")
WHOLE = list(itertools.product(POSTERIORS, PRIORS, LIKELIHOODS, ENCODERS, DECODERS, OBJECTIVES))

# settings that keep a cell small
SMALL = {
    "hidden": [8],
    "channels": [4],
    "components": 3,
    "transforms": 1,
    "context": 4,
    "num_samples": 2,
    "groups": 2,
    "group_size": 2,
}
# the networks of a ladder
SMALL_LADDER = {"channels": 4, "latent_channels": 1, "layers": [1, 1]}


def small(node):
    return {k: SMALL.get(k, small(v) if isinstance(v, dict) else v) for k, v in node.items()}


@pytest.fixture(scope="module")
def options():
    """The config of every word, composed once."""
    base = compose("data=digits", "data.batch_size=6", "model.latent_dim=3")
    found = {"base": base}
    for part in ("posterior", "prior", "likelihood", "encoder", "decoder"):
        for word in words(f"model/{part}"):
            node = compose(f"model/{part}={word}")["model"][part]
            found[part, word] = small(node)
    for word in words("model"):
        model = compose("data=digits", f"model={word}", "++model.latent_dim=3")["model"]
        found["family", word] = small(model) | ({"layers": [4, 3]} if "layers" in model else {})
    for word in OBJECTIVES:
        found["objective", word] = small(compose(f"objective={word}")["objective"])
    return found


@pytest.fixture(scope="module")
def data(options):
    """The data module of each likelihood."""
    modules = {}
    for word in LIKELIHOODS:
        for condition in (None, "label", "some_labels"):
            family = "m2" if condition == "some_labels" else "vae"
            config = configure(options, family, likelihood=word)
            config["model"]["condition"] = condition and "label"
            modules[word, condition] = config_build.build_data(config)
    return modules


def configure(options, family="vae", **chosen):
    config = copy.deepcopy(options["base"])
    for name, value in options["family", family].items():
        # the parts of a family are those of every other
        if not isinstance(value, dict):
            config["model"][name] = value
    for part, word in chosen.items():
        if part == "objective":
            config["objective"] = options[part, word]
        else:
            config["model"][part] = options[part, word]
    return config


def refusal(posterior, prior, objective, family="vae"):
    """Why a cell makes no sense; None if it does."""
    if family == "m2":
        if prior in ("vampprior", "conditional_normal"):
            return "no class or attributes|one p.z. for all"
        return None if objective == "m2" else "trained with objective=m2"
    if family == "hierarchical" and prior == "vampprior":
        return "set model.inference=top_down"
    if objective == "m2":
        return "set model=m2"
    if family == "hierarchical" and objective in ("beta_tc", "free_bits"):
        return (
            "with one p" if prior == "conditional_normal" and objective == "beta_tc" else "products"
        )
    if family == "hierarchical" and objective in ("reconstruction", "mmd"):
        return "gives it no gradient|with one p"
    if posterior == "delta" and objective not in ("reconstruction", "mmd"):
        return "infinite for the point mass"
    if prior == "vampprior" and posterior in ("delta", "iaf"):
        return "needs its densities"
    if prior == "conditional_normal" and objective in ("beta_tc", "mmd"):
        return "with one p"
    if prior != "standard_normal" and objective in ("reconstruction", "mmd"):
        return "gives it no gradient"
    if objective in ("beta_tc", "free_bits") and not (
        posterior == "diagonal_normal" and prior in ("standard_normal", "conditional_normal")
    ):
        return "products over them"
    return None


def walk(options, data, cell, condition=None, family="vae"):
    """Build a cell, take a step, sample and evaluate, or be refused."""
    posterior, prior, likelihood, encoder, decoder, objective = cell
    config = configure(
        options,
        family,
        posterior=posterior,
        prior=prior,
        likelihood=likelihood,
        encoder=encoder,
        decoder=decoder,
        objective=objective,
    )
    torch.manual_seed(0)
    condition = "label" if prior == "conditional_normal" or family == "m2" else condition
    config["model"]["condition"] = condition
    source = data[likelihood, "some_labels" if family == "m2" else condition]
    if why := refusal(posterior, prior, objective, family):
        with pytest.raises(ConfigError, match=why) as error:
            build.build_module(config, source)
        assert "; " in str(error.value), "a refusal names the remedy"
        return
    module = build.build_module(config, source)
    batch = source.on_after_batch_transfer(next(iter(source.train_dataloader())), 0)
    check_step(module, batch, cell)
    check_use(module, batch, cell)


def check_step(module: VAEModule, batch: Batch, cell):
    module.train()
    terms = module.objective(module._record(batch), t=0.5)
    assert terms.objective.shape == (6,)
    terms.loss.backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, (cell, name)
        assert parameter.grad.isfinite().all(), (cell, name)
    torch.optim.SGD(module.parameters(), lr=1e-6).step()


@torch.no_grad()
def check_use(module: VAEModule, batch: Batch, cell):
    model = module.model.eval().given(batch.context)
    x = model.sample(6)
    assert x.shape == (6, *batch.x.shape[1:]), cell
    assert model.likelihood.support.check(x).all(), cell
    assert model.embed(batch.x).shape == (6, sum(model.layers)), cell
    if module.bounded:
        result = model.log_prob(batch.x, 2)
        assert result.log_px.isfinite().all(), cell
        assert ((result.effective >= 0.999) & (result.effective <= 2.001)).all(), cell
    else:
        assert model.decode(model.embed(batch.x)).log_prob(batch.x).isfinite().all(), cell


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("posterior", POSTERIORS)
def test_posterior_prior_and_objective(options, data, posterior, prior, objective):
    walk(options, data, (posterior, prior, "bernoulli", "mlp", "mlp", objective))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("family", ["hierarchical", "m2"])
def test_family_prior_and_objective(options, data, family, prior, objective):
    cell = ("diagonal_normal", prior, "bernoulli", "mlp", "mlp", objective)
    walk(options, data, cell, family=family)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_ladder_and_objective(options, data, objective):
    refused = {
        "m2": "set model=m2",
        "mmd": "gives it no gradient",
        "reconstruction": "gives it no gradient",
        "beta_tc": "products over them",
        "free_bits": "products over them",
    }
    config = configure(options, objective=objective)
    model = {k: v for k, v in options["family", "ladder"].items() if k != "latent_dim"}
    config["model"] = model | SMALL_LADDER
    source = data["bernoulli", None]
    if objective in refused:
        with pytest.raises(ConfigError, match=refused[objective]):
            build.build_module(config, source)
        return
    module = build.build_module(config, source)
    batch = source.on_after_batch_transfer(next(iter(source.train_dataloader())), 0)
    cell = ("ladder", objective)
    with torch.no_grad():
        for parameter in module.parameters():
            # zero-initialised convolutions would keep gradients from what is before them
            parameter.add_(0.01 * torch.randn_like(parameter))
    check_step(module, batch, cell)
    check_use(module, batch, cell)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_networks_and_likelihood(options, data, encoder, decoder, likelihood):
    cell = ("diagonal_normal", "standard_normal", likelihood, encoder, decoder, "elbo")
    walk(options, data, cell)
    walk(options, data, cell, condition="label")


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_a_sample_of_the_whole(options, data, part):
    cells = random.Random(part).sample(WHOLE, 60)
    for cell in cells:
        walk(options, data, cell)


def test_every_word_of_a_refusal_can_be_followed(options, data):
    """The remedies named are words that exist."""
    config = configure(options, posterior="delta")
    with pytest.raises(ConfigError, match="objective=reconstruction or mmd"):
        build.build_module(config, data["bernoulli", None])
    config = configure(options, prior="flow")
    config["objective"] = {**options["objective", "elbo"], "kl": "analytic"}
    with pytest.raises(ConfigError, match=r"set objective\.kl=auto or monte_carlo"):
        build.build_module(config, data["bernoulli", None])
    config = configure(options, likelihood="gaussian", objective="iwae")
    config["model"]["likelihood"] = {**config["model"]["likelihood"], "scale": "optimal"}
    with pytest.raises(ConfigError, match=r"set model\.likelihood\.scale=shared"):
        build.build_module(config, data["gaussian", None])
    config = configure(options, posterior="iaf", objective="free_bits")
    config["objective"] = {**config["objective"], "per": "example"}
    assert build.build_module(config, data["bernoulli", None])


@pytest.mark.parametrize("likelihood", ["categorical", "discretized_logistic"])
def test_discrete_levels_are_not_dequantised(options, likelihood):
    config = configure(options, likelihood=likelihood)
    config["data"] = {**config["data"], "dequantize": True}
    with pytest.raises(ConfigError, match=r"set data\.dequantize=auto"):
        config_build.build_data(config)
    config["data"]["dequantize"] = "auto"
    assert not config_build.build_data(config).pixels.dequantize


@pytest.fixture
def unchecked(options, data, monkeypatch):
    """Build a cell that is refused, and give its module, record and terms."""
    from vae.config import pairings

    monkeypatch.setattr(pairings, "check", lambda model, objective: None)

    def make(posterior, prior, objective):
        config = configure(options, posterior=posterior, prior=prior, objective=objective)
        condition = "label" if prior == "conditional_normal" else None
        config["model"]["condition"] = condition
        source = data["bernoulli", condition]
        module = build.build_module(config, source)
        batch = source.on_after_batch_transfer(next(iter(source.train_dataloader())), 0)
        return module, module._record(batch)

    return make


@pytest.mark.parametrize("objective", ["reconstruction", "mmd"])
@pytest.mark.parametrize("prior", [p for p in PRIORS if p != "standard_normal"])
def test_a_prior_that_is_refused_would_not_learn(unchecked, prior, objective):
    if (prior, objective) == ("conditional_normal", "mmd"):
        pytest.skip("the discrepancy is from one p(z), and this prior has one for each class")
    module, record = unchecked("diagonal_normal", prior, objective)
    module.objective(record, t=0.5).loss.backward()
    # the encoder is a VampPrior's too, but learns from the reconstructions
    learned = dict(module.model.prior.named_parameters())
    assert learned
    assert all(p.grad is None or not p.grad.any() for p in learned.values())


@pytest.mark.parametrize(("posterior", "prior"), list(itertools.product(POSTERIORS, PRIORS)))
def test_dimensions_are_weighed_one_by_one_exactly_where_the_rate_has_parts(
    unchecked, options, data, posterior, prior
):
    if prior == "vampprior" and posterior in ("iaf", "delta"):
        pytest.skip("a VampPrior of such a posterior has no density")
    _, record = unchecked(posterior, prior, "elbo")
    parts = record.kl_per_dimension is not None and record.has_density
    assert parts == (refusal(posterior, prior, "free_bits") is None)
