"""The one place where a config becomes a data module, a model, a module and a trainer."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger
from torch import nn
from torch.optim import Optimizer

from vae import devices, pairings
from vae.compiled import compile_networks
from vae.data.module import DataModule
from vae.errors import ConfigError
from vae.loggers.csv import CSV
from vae.make import locate, make
from vae.model.vae import VAE
from vae.module import VAEModule
from vae.profiler import Silent

Config = Mapping[str, Any]


def build_data(config: Config) -> DataModule:
    """The data module, with pixels as the config's likelihood wants them."""
    allow = config["allow"]
    likelihood = locate(config["model"]["likelihood"]["_target_"], allow, ("vae.model.",))
    node = config["data"]
    data: DataModule = make(
        # what stands beside the source to be short on the command line is the source's
        {k: v for k, v in node.items() if k == "_target_" or k not in node["source"]},
        "data",
        allow=allow,
        packages=("vae.data.",),
        support=likelihood.support,  # type: ignore[attr-defined]
        seed=config["seed"],
    )
    return data


def build_model(
    config: Config, event_shape: tuple[int, ...], data: DataModule | None = None
) -> VAE:
    """The VAE; every size that follows from the data or from another choice is filled in here.

    Arguments:
        config: The whole config.
        event_shape: The shape of an example.
        data: What the decoder's bias and pseudo-inputs start at; None where weights follow.

    Raises:
        ConfigError: If a part cannot be built, or a network's output has the wrong shape.
    """
    node = config["model"]
    latent_dim = node["latent_dim"]
    part = partial(
        make,
        allow=config["allow"],
        packages=("vae.model.",),
        latent_dim=latent_dim,
        event_shape=event_shape,
    )
    posterior = part(node["posterior"], "model.posterior")
    likelihood = part(node["likelihood"], "model.likelihood")
    shapes = {
        "encoder": {"in_shape": event_shape, "out_shape": posterior.feature_shape},
        "decoder": {"in_shape": (latent_dim,), "out_shape": likelihood.feature_shape},
    }
    networks = {name: part(node[name], f"model.{name}", **shapes[name]) for name in shapes}
    for name, network in networks.items():
        _check_shape(network, name, **shapes[name])
    prior = part(
        node["prior"],
        "model.prior",
        encoder=networks["encoder"],
        posterior=posterior,
        examples=data and data.examples,
    )
    if node["output_bias"] == "data" and data is not None:
        networks["decoder"].start_at(likelihood.features_at(data.mean()))
    return VAE(networks["encoder"], networks["decoder"], posterior, prior, likelihood)


@torch.no_grad()
def _check_shape(
    network: nn.Module, name: str, in_shape: tuple[int, ...], out_shape: tuple[int, ...]
) -> None:
    network.eval()
    found = tuple(network(torch.zeros(2, *in_shape)).shape[1:])
    network.train()
    if found != tuple(out_shape):
        raise ConfigError(
            f"model.{name} must map shape {tuple(in_shape)} to shape {tuple(out_shape)}, but "
            f"{type(network).__name__} gives {found}; use its arguments in_shape and out_shape."
        )


def build_module(config: Config, data: DataModule) -> VAEModule:
    """The LightningModule, whose checkpoints carry what rebuilds the model."""
    check_length(config)
    optimizer = {k: v for k, v in config["optimizer"].items() if k != "schedule"}
    model = build_model(config, data.event_shape, data)
    if config["compile"]:
        compile_networks(model)
    objective = make(
        config["objective"],
        "objective",
        allow=config["allow"],
        dataset_size=len(data.indices["train"]),
    )
    pairings.check(model, objective)
    return VAEModule(
        model=model,
        objective=objective,
        optimizer=_optimizer(optimizer, config),
        schedule=make(config["optimizer"]["schedule"], "optimizer.schedule"),
        num_samples=config["evaluate"]["num_samples"],
        memory=config["evaluate"]["memory"],
        # a checkpoint must not say what may be loaded
        card={"config": {**config, "allow": []}, "event_shape": list(data.event_shape)},
    )


def check_length(config: Config) -> None:
    """Refuse a schedule in a training without a known length, of which no fraction ever passes.

    Raises:
        ConfigError: If there is one.
    """
    schedules = (config["optimizer"]["schedule"], config["objective"].get("schedule"))
    trainer = config["trainer"]
    for node in schedules:
        if (
            node
            and not node["_target_"].endswith(".Constant")
            and trainer["max_epochs"] == -1
            and trainer["max_steps"] == -1
        ):
            raise ConfigError(
                f"a schedule ({node['_target_'].rpartition('.')[2]}) needs to know how long "
                "training lasts, got trainer.max_epochs=-1 and trainer.max_steps=-1; set one of "
                "them, or choose the schedule constant."
            )


def _optimizer(node: Config, config: Config) -> Callable[[Iterable[nn.Parameter]], Optimizer]:
    trainer = config["trainer"]
    if str(trainer["precision"]) in devices.SCALED and trainer["gradient_clip_val"] is not None:
        # a fused step unscales gradients itself, too late for clipping
        node = {**node, "fused": False}
    return lambda parameters: make(node, "optimizer", allow=config["allow"], params=parameters)


def build_loggers(config: Config) -> list[Logger]:
    """The loggers that are switched on; metrics.csv is, unless logger.csv=null."""
    loggers = [make(v, f"logger.{k}") for k, v in config["logger"].items() if v]
    return loggers if "csv" in config["logger"] else [CSV(config["run_dir"]), *loggers]


def build_callbacks(config: Config, module: VAEModule) -> list[Callback]:
    """The callbacks that are switched on."""
    nodes = {k: dict(v) for k, v in config["callbacks"].items() if v}
    if not config["data"]["val_size"] and "checkpoint" in nodes:
        # without validation the best epoch is the last
        nodes["checkpoint"]["monitor"] = None
    elif not module.bounded and "checkpoint" in nodes:
        # an autoencoder has no ELBO, only its distortion
        nodes["checkpoint"] |= {"monitor": "val/distortion", "mode": "min"}
    return [make(v, f"callbacks.{k}", allow=config["allow"]) for k, v in nodes.items()]


def build_trainer(config: Config, callbacks: list[Callback], loggers: list[Logger]) -> Trainer:
    """The Trainer."""
    node = dict(config["trainer"])
    if node["enable_checkpointing"] is None:
        node["enable_checkpointing"] = any(isinstance(c, ModelCheckpoint) for c in callbacks)
    if not config["data"]["val_size"]:
        node["limit_val_batches"] = 0
    if node["profiler"] is None:
        node["profiler"] = Silent()
    trainer: Trainer = make(node, "trainer", callbacks=callbacks, logger=loggers)
    return trainer
