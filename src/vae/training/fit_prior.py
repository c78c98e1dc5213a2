"""A prior fitted to what a trained run's encoder makes of the training images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# codes whose densities are compared: that of a diffusion takes thousands of passes of its network
PRICED = 2000


def fit_prior(config: dict[str, Any]) -> Path:
    r"""Fit p(z) to the aggregate posterior and write a checkpoint with it.

    .. math:: \max_{p} \tfrac{1}{N} \sum_n \log p(z_n), \quad z_n \sim q(z \mid x_n)

    Arguments:
        config: What `compose(..., name="fit_prior")` gives.

    Returns:
        The checkpoint's path.

    Raises:
        ConfigError: If the config makes no sense.
        RunError: If there is no such run.
        DataError: If its data is missing or damaged.

    References:
        From Variational to Deterministic Autoencoders (Ghosh et al., 2020), section 4
    """
    import inspect

    import lightning
    import torch

    from vae.config.check import check
    from vae.config.make import locate, make
    from vae.config.pairings import check_codes
    from vae.errors import ConfigError
    from vae.runs import checkpoint as checkpoints
    from vae.runs.opened import open_run

    check(config, "fit_prior")
    opened = open_run(config["run"], config["allow"])
    model = opened.model
    lightning.seed_everything(config["seed"], verbose=False)
    packages = ("vae.model.priors.",)
    target = locate(config["model"]["prior"]["_target_"], config["allow"], packages)
    word = target.__module__.rpartition(".")[2]
    if not hasattr(target, "fit"):
        raise ConfigError(
            f"model/prior= takes a prior that can be fitted here, got {word}; choose "
            "mixture_of_gaussians, flow or diffusion, or, of discrete codes, autoregressive, "
            "transformer or pixelcnn."
        )
    asked = {} if config["steps"] is None else {"steps": config["steps"]}
    if asked and "steps" not in inspect.signature(target.fit).parameters:
        raise ConfigError(
            f"steps= is for priors that are fitted by gradients, and {word} is not; leave it out."
        )
    if not model.fits_prior:
        raise ConfigError(
            "a prior is fitted in place of model/prior, but this run's p(z) is a part of its "
            "network; it was learned with the run, and needs no fitting."
        )
    if model.has_conditional_prior:
        raise ConfigError(
            "a prior is fitted to the codes of all images together, but this run's is p(z|c), with "
            "one for each class; it was learned with the run, and needs no fitting."
        )
    prior = make(
        config["model"]["prior"],
        "model.prior",
        allow=config["allow"],
        packages=packages,
        latent_dim=model.layers[-1],
        posterior=model.posterior,
        map_shape=model.map_shape,
    )
    check_codes(model.posterior, prior)
    path = Path(config["out"] or opened.home / f"{word}.ckpt").expanduser()
    if path.exists():
        raise ConfigError(
            f"a fitted prior needs a file of its own, but {path} exists; choose another out=, or "
            "move that one away."
        )
    data = opened.open_data(config["data"]["root"], other=True)
    with torch.no_grad():
        batch = data.some(min(config["examples"], len(data.indices["train"])), "train")
        given = model.given(batch.context)
        codes = [
            given.rows(i, i + 500).encode(batch.x[i : i + 500]).sample()
            for i in range(0, len(batch.x), 500)
        ]
        z = model.top(torch.cat(codes))
        priced = z[:PRICED]
        before = _mean_log_density(model.get_submodule(model.top_prior)(), priced)
    try:
        prior.fit(z, config["seed"], say=lambda line: print(line, flush=True), **asked)
    except ValueError as e:
        raise ConfigError(f"{word} cannot be fitted to {len(z)} codes: {e}") from e
    with torch.no_grad():
        after = _mean_log_density(prior(), priced)
    weights = {
        f"model.{k}": v
        for k, v in model.state_dict().items()
        if not k.startswith(f"{model.top_prior}.")
    } | {f"model.{model.top_prior}.{k}": v for k, v in prior.state_dict().items()}
    node = {**opened.config, "allow": [], "model": opened.config["model"] | config["model"]}
    card = {"config": node, "event_shape": list(opened.event_shape), "data": dict(opened.data)}
    checkpoints.save({"vae": card, "state_dict": weights}, path)
    print(
        f"log p(z) of {len(priced):,} codes of training images: {before:.2f} nats under the run's "
        f"prior, {after:.2f} under {word}"
    )
    return path


def _mean_log_density(prior: Any, z: Any) -> float:
    return float(sum(prior.log_prob(some).sum() for some in z.split(1000)) / len(z))
