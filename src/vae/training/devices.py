"""What a trainer's devices can do, asked before anything is built on them."""

import os
import shutil
from collections.abc import Mapping
from typing import Any

import torch

from vae.config.make import locate
from vae.errors import ConfigError

Config = Mapping[str, Any]

# float16 has too few exponents for gradients: with scaling on a GPU, or not at all
SCALED = ("16", "16-mixed")


def check(config: Config) -> None:
    """Refuse what the devices cannot do as asked.

    Arguments:
        config: The whole config.

    Raises:
        ConfigError: If there is such a thing.
    """
    trainer = config["trainer"]
    precision, device = str(trainer["precision"]), kind(trainer)
    _check_count(trainer, device)
    if precision == "16-true":
        raise ConfigError(
            "weights in float16 lose gradients below 6e-8 for want of scaling, got "
            "trainer.precision=16-true; set 16-mixed (on a GPU), bf16-mixed or bf16-true."
        )
    if precision in SCALED and device == "cpu":
        raise ConfigError(
            "float16 with gradient scaling is for GPUs (on a CPU Lightning would compute in "
            f"bfloat16 instead), got trainer.precision={precision}; set bf16-mixed or 32-true."
        )
    if device == "mps" and precision in ("64", "64-true"):
        raise ConfigError(
            "Apple's GPUs have no float64, got trainer.precision=64-true; set 32-true, or "
            "trainer=cpu."
        )
    if "fsdp" in str(trainer["strategy"]) and _needs_whole_weights(config):
        raise ConfigError(
            "trainer=fsdp divides the weights among devices, of which callbacks=ema keeps whole "
            "averages; choose callbacks=default, or trainer=ddp."
        )
    if config.get("compile") and device == "cpu" and not _compiler():
        raise ConfigError(
            "compile=true on a CPU needs a C++ compiler, but neither $CXX nor g++ nor clang++ is "
            "there; install one, or set compile=false."
        )


def _needs_whole_weights(config: Config) -> bool:
    nodes = (config.get("callbacks") or {}).values()
    targets = [v["_target_"] for v in nodes if isinstance(v, Mapping) and "_target_" in v]
    classes = [locate(target, config.get("allow", ())) for target in targets]
    return any(getattr(c, "needs_whole_weights", False) for c in classes)


def _check_count(trainer: Config, device: str) -> None:
    """Refuse more processes on a CPU than it has cores: they would wait for each other for ever."""
    count, cores = str(trainer["devices"]), os.cpu_count() or 1
    if device == "cpu" and count.isdigit() and int(count) > max(2, cores):
        raise ConfigError(
            f"each device of a CPU is a process that computes, got trainer.devices={count} on "
            f"{cores} cores; set {cores} or fewer."
        )


def kind(trainer: Config) -> str:
    """The kind of device that Lightning will choose: cpu, cuda, mps or what the config says."""
    accelerator = str(trainer["accelerator"])
    if accelerator in ("auto", "gpu"):
        if torch.cuda.is_available():
            return "cuda"
        if torch.backends.mps.is_available():
            return "mps"
    return "cpu" if accelerator == "auto" else accelerator


def _compiler() -> str | None:
    names = (os.environ.get("CXX"), "g++", "clang++")
    return next((path for name in names if name and (path := shutil.which(name))), None)
