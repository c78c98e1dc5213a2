"""Every choice meets every other: allowed cells train and are evaluated, others say why.

Posterior, prior and objective meet in the bound, likelihood and networks in p(x|z), so all triples
of each are walked; a sample of the whole lattice is walked besides.
"""

import itertools
import random

import pytest
import torch

from tests.config.lattice import (
    CODE_PRIORS,
    CODES,
    DECODERS,
    ENCODERS,
    LIKELIHOODS,
    OBJECTIVES,
    POSTERIORS,
    PRIORS,
    SMALL_LADDER,
    WHOLE,
    check_step,
    check_use,
    configure,
    refusal,
    walk,
)
from tests.config.lattice import data as data
from tests.config.lattice import options as options
from vae.config import build as config_build
from vae.errors import ConfigError
from vae.training import build


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
        "adversarial": "gives it no gradient",
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
    with pytest.raises(ConfigError, match="objective=reconstruction, adversarial or mmd"):
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


@pytest.mark.parametrize("objective", ["reconstruction", "mmd", "adversarial"])
@pytest.mark.parametrize("prior", [p for p in PRIORS if p not in ("standard_normal", *CODE_PRIORS)])
def test_a_prior_that_is_refused_would_not_learn(unchecked, prior, objective):
    if prior == "conditional_normal" and objective != "reconstruction":
        pytest.skip("the distance is from one p(z), and this prior has one for each class")
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
    if prior in CODE_PRIORS and posterior not in CODES:
        pytest.skip("such a prior is over discrete codes")
    if prior == "pixelcnn":
        pytest.skip("a pixelcnn prior is over maps")
    _, record = unchecked(posterior, prior, "elbo")
    parts = record.kl_per_dimension is not None and record.has_density
    assert parts == (refusal(posterior, prior, "free_bits") is None)
