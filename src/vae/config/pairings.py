"""Pairings of choices that make no sense, each with the rule and the remedy."""

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.distributions import Distribution

from vae.config.groups import PACKAGES, option_of, options, targets
from vae.config.make import locate
from vae.errors import ConfigError
from vae.model.capabilities import Capability, has_trait, offers
from vae.model.distributions.kl import closed_form

if TYPE_CHECKING:
    from vae.model.families.vae import VAE
    from vae.objectives.objective import Objective


def generates(model: "VAE", objective: "type | Objective") -> bool:
    """Whether samples of p(z) are decoded to anything: whether codes follow p(z).

    They do where the objective draws them towards p(z), and where p(z) was fitted to them.

    Arguments:
        model: The model.
        objective: What it was trained on, or its class.
    """
    return bool(getattr(objective, "matches_prior", True)) or _is_learned(model.prior)


def check(model: "VAE", objective: "Objective") -> None:
    """Refuse a pairing that makes no sense, before the first step.

    Raises:
        ConfigError: If there is one.
    """
    word = objective.name
    if model.enumerates and not objective.enumerates:
        raise ConfigError(
            "a semi-supervised model sums over the classes, and is trained with objective=m2, got "
            f"objective={word}; choose it, or another model."
        )
    if objective.enumerates and not model.enumerates:
        raise ConfigError(
            f"objective={word} is of a model whose class is a latent, got another; set model=m2."
        )
    top = model.get_submodule(model.top_prior)
    q, p = option_of(model.posterior), option_of(top)
    check_codes(model.posterior, top)
    if has_trait(top, "fitted_afterwards"):
        raise ConfigError(
            f"model/prior={p} is fitted to the codes of a trained run and not trained with it; "
            "train with another, for instance model/prior=standard_normal, and then run python -m "
            f"vae.fit_prior run=RUN model/prior={p}."
        )
    if has_trait(model.posterior, "discrete") and objective.pathwise:
        raise ConfigError(
            f"objective={word} needs z to be a differentiable function of noise, which discrete "
            f"codes (model/posterior={q}) are not; choose objective=elbo or iwae."
        )
    lacking = {
        (part, what) for part, what in objective.requires if not offers(getattr(model, part), what)
    }
    if ("posterior", "density") in lacking:
        raise ConfigError(
            f"objective={word} contains the rate KL(q(z|x) || p(z)), which is infinite for the "
            f"point mass of model/posterior={q}; choose objective=reconstruction, adversarial or "
            f"mmd (with objective.rate_weight=0), or {_offering('posterior', 'density')}."
        )
    if unmet := [c for c in getattr(model.prior, "requires", ()) if not offers(model.posterior, c)]:
        raise ConfigError(
            f"model/prior={p} is made of the posterior and needs its densities at any z, which "
            f"model/posterior={q} does not give in one evaluation; choose "
            f"{_offering('posterior', unmet[0])}, or another model/prior."
        )
    if model.has_conditional_prior and objective.aggregates:
        raise ConfigError(
            f"objective={word} compares the codes of a batch with one p(z), but model/prior={p} "
            "has one for each class; choose another objective, or model/prior=standard_normal."
        )
    own = not model.fits_prior or not _is_learned(top)
    if _is_learned(model.prior) and own and not objective.trains_prior:
        raise ConfigError(
            f"a hierarchy's p(z_l | z_(l+1)) is learned, but objective={word} gives it no "
            "gradient; "
            "choose an objective with a rate (for objective=mmd: set objective.rate_weight=1)."
        )
    if _is_learned(model.prior) and not objective.trains_prior:
        raise ConfigError(
            f"model/prior={p} is learned, but objective={word} gives it no gradient; choose "
            "model/prior=standard_normal and fit another prior to the trained run with "
            "python -m vae.fit_prior, or choose another objective."
        )
    if any(what == "factors" for _, what in lacking):
        raise ConfigError(
            f"objective={word} weighs the dimensions of z one by one and needs a posterior and a "
            f"prior that are products over them, got {q} and {p}; choose "
            f"{_offering('posterior', 'factors')} and {_offering('prior', 'factors')}"
            f"{objective.without_factors}."
        )
    if ("likelihood", "sample_weights") in lacking:
        raise ConfigError(
            "model.likelihood.scale=optimal is the best scale for the mean of log p(x|z), but "
            f"objective={word} weighs the samples; set model.likelihood.scale=shared, or choose "
            "objective=elbo."
        )
    if objective.kl == "analytic" and closed_form(*_distributions(model)) is None:
        raise ConfigError(
            f"objective.kl=analytic needs a closed form of KL(q(z|x) || p(z)), and {q} and {p} "
            "have none; set objective.kl=auto or monte_carlo."
        )


def check_codes(posterior: object, prior: object) -> None:
    """Refuse a density as the prior of discrete codes.

    Raises:
        ConfigError: If it is one.
    """
    if has_trait(posterior, "discrete") and not has_trait(prior, "discrete"):
        raise ConfigError(
            f"the codes of model/posterior={option_of(posterior)} have probabilities, but "
            f"model/prior={option_of(prior)} has a density of vectors; choose "
            "model/prior=autoregressive, transformer, pixelcnn or uniform."
        )


def _offering(part: str, capability: Capability) -> str:
    """The packaged options of a part that offer something, as on the command line."""
    group = f"model/{part}"
    known = {option: target for (_, target), option in targets().items()}
    found = [o for o in options()[group] if offers(locate(known[group, o]), capability)]
    assert group in PACKAGES
    return f"{group}={' or '.join(found)}"


def _is_learned(part: object) -> bool:
    return isinstance(part, nn.Module) and any(p.requires_grad for p in part.parameters())


@torch.no_grad()
def _distributions(model: "VAE") -> tuple[Distribution, Distribution]:
    """q(z|x) of no example in particular, and p(z)."""
    parameter = next(model.encoder.parameters())
    posterior = model.posterior(parameter.new_zeros(1, *model.posterior.feature_shape))
    if model.condition is not None:
        model = model.given_embedded(parameter.new_zeros(1, model.condition.width))
    return posterior, model.latent_prior()
