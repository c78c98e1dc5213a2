"""A config becomes the LightningModule, its loggers and its callbacks."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import LearningRateFinder
from lightning.pytorch.loggers import Logger
from torch import nn
from torch.optim import Optimizer

from vae.config import pairings
from vae.config.build import build_model, with_context_size
from vae.config.make import locate, make, parameters
from vae.config.secret import recorded
from vae.data.module import DataModule
from vae.errors import ConfigError
from vae.evaluation.features import OwnFeatures, features_of
from vae.evaluation.lpips import read_lpips
from vae.metrics.lpips import SMALLEST, fits
from vae.model.families.vae import VAE
from vae.training import devices
from vae.training.loggers.csv import CSV
from vae.training.module import VAEModule

Config = Mapping[str, Any]
CONSTANT = {"_target_": "vae.training.schedules.constant.Constant"}


def build_module(config: Config, data: DataModule) -> VAEModule:
    """The LightningModule, whose checkpoints carry what rebuilds the model."""
    check_length(config)
    config = with_context_size(config, data)
    schedule = config["optimizer"].get("schedule") or CONSTANT
    model = build_model(config, data.event_shape, data)
    _check_batches(model, config, len(data.indices["train"]))
    if config["compile"]:
        for network in (model.encoder, model.decoder):
            # in place, which leaves the names of the weights as they are
            network.compile()
    # training a network of features takes a while: only for what asks for it
    target = locate(config["objective"]["_target_"], config["allow"])
    asked: dict[str, Any] = {}
    node = dict(config["objective"])
    if "features" in parameters(target):
        files = node.pop("features", None) or {}
        given = read_lpips(files.get("vgg"), files.get("lpips"), "objective.features")
        if given is not None and not fits(data.event_shape):
            raise ConfigError(
                f"VGG-16 takes grey or colour images of at least {SMALLEST} x {SMALLEST} pixels, "
                f"got {' x '.join(map(str, data.event_shape))}; set objective.features.vgg=null."
            )
        asked["features"] = given or OwnFeatures(features_of(data)[0])
    objective = make(
        node,
        "objective",
        allow=config["allow"],
        dataset_size=len(data.indices["train"]),
        labelled_share=data.labelled_share,
        latent_dim=model.latent_dim,
        event_shape=data.event_shape,
        **asked,
    )
    pairings.check(model, objective)
    return VAEModule(
        model=model,
        objective=objective,
        optimizer=_optimizer(config),
        schedule=make(schedule, "optimizer.schedule", allow=config["allow"]),
        num_samples=config["evaluate"]["num_samples"],
        memory=config["evaluate"]["memory"],
        card={
            # a checkpoint must not say what may be loaded
            "config": recorded({**config, "allow": []}),
            "event_shape": list(data.event_shape),
            "data": data.card(),
        },
    )


def check_length(config: Config) -> None:
    """Refuse a schedule in a training without a known length, of which no fraction ever passes.

    Raises:
        ConfigError: If there is one.
    """
    schedules = (config["optimizer"].get("schedule"), config["objective"].get("schedule"))
    trainer = config["trainer"]
    for node in schedules:
        if (
            node
            and getattr(locate(node["_target_"], config["allow"]), "needs_length", True)
            and trainer["max_epochs"] == -1
            and trainer["max_steps"] == -1
        ):
            raise ConfigError(
                f"a schedule ({node['_target_'].rpartition('.')[2]}) needs to know how long "
                "training lasts, got trainer.max_epochs=-1 and trainer.max_steps=-1; set one of "
                "them, or choose the schedule constant."
            )


def _check_batches(model: VAE, config: Config, examples: int) -> None:
    """Refuse a last batch of one example where layers normalise over the batch."""
    size, devices_ = config["data"]["batch_size"], config["trainer"]["devices"]
    count = devices_ if isinstance(devices_, int) and devices_ > 0 else 1
    last = ((examples // count * count) % size or size) // count if size else 0
    if last == 1 and any(isinstance(m, nn.BatchNorm1d) for m in model.modules()):
        raise ConfigError(
            f"normalization=batch needs at least two examples in every batch, but {examples} "
            f"examples in batches of {size} on {count} devices leave a batch of one; set another "
            "data.batch_size."
        )


def _optimizer(config: Config) -> Callable[[Iterable[nn.Parameter]], Optimizer]:
    trainer = config["trainer"]
    node = {k: v for k, v in config["optimizer"].items() if k != "schedule"}
    if str(trainer["precision"]) in devices.SCALED and trainer["gradient_clip_val"] is not None:
        # a fused step unscales gradients itself, too late for clipping
        node = {**node, "fused": False}

    def build(parameters: Iterable[nn.Parameter]) -> Optimizer:
        optimizer: Optimizer = make(
            node, "optimizer", allow=config["allow"], params=list(parameters)
        )
        return optimizer

    # wrong settings are told before the first step
    build([nn.Parameter(torch.zeros(1))])
    return build


def build_loggers(config: Config) -> list[Logger]:
    """The loggers that are switched on; metrics.csv is, unless logger.csv=null."""
    nodes = config.get("logger") or {}
    allow = config["allow"]
    loggers = [make(v, f"logger.{k}", allow=allow) for k, v in nodes.items() if v]
    return loggers if "csv" in nodes else [CSV(config["run_dir"]), *loggers]


def build_callbacks(config: Config, module: VAEModule) -> list[Callback]:
    """The callbacks that are switched on.

    Raises:
        ConfigError: If one cannot be built, or looks at a metric that is never logged.
    """
    nodes = {k: v for k, v in (config.get("callbacks") or {}).items() if v}
    for name, node in nodes.items():
        if not isinstance(node, Mapping):
            raise ConfigError(
                f"callbacks.{name} is a group of settings, or null to switch it off, got {node}; "
                f"set callbacks.{name}.NAME=."
            )
    nodes = {k: dict(v) for k, v in nodes.items()}
    validated = bool(config["data"]["val_size"])
    if best := nodes.get("checkpoint"):
        if not validated:
            # without validation the best epoch is the last
            best |= {"monitor": None, "save_on_train_epoch_end": True}
        elif module.ranked_by == "distortion" and best.get("monitor") == "val/elbo":
            # an autoencoder has no ELBO, or one that means nothing
            best |= {"monitor": "val/distortion", "mode": "min"}
        if best.get("save_top_k", 1) not in (0, 1) and "{" not in str(best.get("filename")):
            # several need several names, of which results.json says the best
            best["filename"] = f"{best.get('filename')}-{{epoch:03d}}-{{step}}"
    made = [make(v, f"callbacks.{k}", allow=config["allow"]) for k, v in nodes.items()]
    if any(isinstance(c, LearningRateFinder) for c in made):
        raise ConfigError(
            "a rate is found by training until it diverges, where training stops here, got "
            "LearningRateFinder; try rates instead: python -m vae.train -m "
            "optimizer.lr=1e-4,1e-3,1e-2 or hydra/sweeper=optuna."
        )
    if not config["allow"]:
        known = _logged(module, validated)
        for name, callback in zip(nodes, made, strict=True):
            monitor = getattr(callback, "monitor", None)
            if monitor is not None and monitor not in known:
                close = difflib.get_close_matches(monitor, known, n=1) or known[:1]
                raise ConfigError(
                    f"callbacks.{name}.monitor is a metric that is logged, got {monitor}; did you "
                    f"mean {close[0]}?"
                )
    return made


def _logged(module: VAEModule, validated: bool) -> list[str]:
    """The metrics that training logs."""
    splits = ("val", "train") if validated else ("train",)
    found = [f"{split}/{name}" for split in splits for name in module.names]
    found += [f"train/{name}" for name in ("lr", "gradient_norm", "images_per_second")]
    if validated:
        found.append("val/active_units")
        parts = module.layer_names or [f"{d:03}" for d in range(module.model.latent_dim)]
        found += [f"val/rate_of/{name}" for name in parts]
    return found
