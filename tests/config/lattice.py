"""The lattice of all choices: its cells, which of them are refused, and what the others must do."""

import copy
import itertools

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
# without a gradient to p(z); with a second network
UNFITTED, ADVERSARIAL = ("reconstruction", "mmd", "adversarial"), ("factor_vae", "adversarial")
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
    "classes": 3,
    "levels": [3],
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
    found["objective", "perceptual"]["adversary"] |= {"channels": 4, "layers": 1}
    # from the start, in a step after half of training
    found["objective", "perceptual"]["adversary_start"] = 0.0
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


CODES, CODE_PRIORS = (
    ("categorical", "fsq", "lfq", "vq"),
    ("uniform", "autoregressive", "transformer", "pixelcnn"),
)


def refusal(posterior, prior, objective, family="vae"):
    """Why a cell makes no sense; None if it does."""
    discrete = posterior in CODES and family == "vae"
    if prior in CODE_PRIORS and not discrete:
        return "over discrete codes"
    if prior == "pixelcnn":
        return "over maps of codes"
    if discrete and family == "vae" and objective == "m2":
        return "set model=m2"
    if discrete and prior not in CODE_PRIORS:
        return "has a density of vectors"
    if prior == "diffusion":
        # whatever else does not fit is said first
        return "fitted to the codes of a trained run|set model=m2|trained with objective=m2"
    if discrete and objective in ("dreg", "sticking_the_landing", *ADVERSARIAL):
        return "differentiable function of noise"
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
    if family == "hierarchical" and objective in UNFITTED:
        return "gives it no gradient|with one p"
    if posterior == "delta" and objective not in UNFITTED:
        return "infinite for the point mass"
    if prior == "vampprior" and posterior in ("delta", "iaf"):
        return "needs its densities"
    if prior == "conditional_normal" and objective in ("beta_tc", "mmd", *ADVERSARIAL):
        return "with one p"
    if prior not in ("standard_normal", "uniform") and objective in UNFITTED:
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
        if not parameter.requires_grad:
            # features stay as they are
            assert name.startswith("features."), (cell, name)
            continue
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
