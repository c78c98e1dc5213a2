"""Pairings of choices that make no sense, each with the rule and the remedy."""

import torch
from torch import nn
from torch.distributions import Distribution

from vae.errors import ConfigError
from vae.model.distributions.kl import closed_form, per_dimension
from vae.model.vae import VAE
from vae.objectives.objective import Objective


def check(model: VAE, objective: Objective) -> None:
    """Refuse a pairing that makes no sense, before the first step.

    Raises:
        ConfigError: If there is one.
    """
    density, word = model.posterior.density, objective.name
    q, p = _word(model.posterior), _word(model.prior)
    if objective.needs_density and density == "none":
        raise ConfigError(
            f"objective={word} contains the rate KL(q(z|x) || p(z)), which is infinite for the "
            f"point mass of model/posterior={q}; choose objective=reconstruction or mmd (with "
            "objective.rate_weight=0), or another model/posterior."
        )
    if p == "vampprior" and density != "direct":
        raise ConfigError(
            "model/prior=vampprior is a mixture of q(z|u) over pseudo-inputs u and needs their "
            f"densities at any z, which model/posterior={q} does not give in one evaluation; "
            "choose model/posterior=diagonal_normal or full_covariance_normal, or another "
            "model/prior."
        )
    if _is_learned(model.prior) and not objective.trains_prior:
        raise ConfigError(
            f"model/prior={p} is learned, but objective={word} gives it no gradient; choose "
            "model/prior=standard_normal and fit another prior to the trained run with "
            "python -m vae.fit_prior, or choose another objective."
        )
    if objective.needs_factors and per_dimension(*_distributions(model)) is None:
        raise ConfigError(
            f"objective={word} weighs the dimensions of z one by one and needs a posterior and a "
            f"prior that are products over them, got {q} and {p}; choose "
            "model/posterior=diagonal_normal and model/prior=standard_normal"
            + (", or objective.per=example." if word == "free_bits" else ".")
        )
    if objective.importance_weighted and getattr(model.likelihood, "scale", None) == "optimal":
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


def _word(part: object) -> str:
    """The word on the command line, which is the name of the part's file."""
    return type(part).__module__.rpartition(".")[2]


def _is_learned(part: object) -> bool:
    return isinstance(part, nn.Module) and any(p.requires_grad for p in part.parameters())


@torch.no_grad()
def _distributions(model: VAE) -> tuple[Distribution, Distribution]:
    """q(z|x) of no example in particular, and p(z)."""
    parameter = next(model.encoder.parameters())
    return model.posterior(parameter.new_zeros(1, *model.posterior.feature_shape)), model.prior()
