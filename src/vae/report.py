"""What a run says of itself: a table before, a table after, config.yaml and results.json."""

import json
import math
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning
import torch
import yaml
from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_only
from rich.console import Console
from rich.table import Table

import vae
from vae.data.module import DataModule
from vae.errors import ConfigError
from vae.metrics.estimate import Estimate
from vae.model.vae import VAE
from vae.module import VAEModule

Config = Mapping[str, Any]


def claim(config: Config, directory: Path) -> None:
    """Make the run directory and write the resolved config to config.yaml, on rank 0.

    Raises:
        ConfigError: If the directory already holds a run, or cannot be written.
    """
    if getattr(rank_zero_only, "rank", 0):
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # made by this run or not at all, so that two runs cannot both have it
        with (directory / "config.yaml").open("x") as f:
            yaml.safe_dump(dict(config), f, sort_keys=False)
    except OSError as e:
        if (directory / "config.yaml").exists():
            raise ConfigError(
                f"a run needs a directory of its own, but {directory} already holds a run; choose "
                "another run_dir, or move that one away."
            ) from e
        raise ConfigError(
            f"the run directory must be writable, but {directory} is not ({e}); choose another "
            "run_dir."
        ) from e


def release(directory: Path) -> None:
    """Give back the run directory of a run that never began to train."""
    if not getattr(rank_zero_only, "rank", 0):
        (directory / "config.yaml").unlink(missing_ok=True)


def print_summary(config: Config, data: DataModule, model: VAE, trainer: Trainer) -> None:
    """Print what is about to be trained, on what, and how."""
    table = Table(title=f"{config['name']}", show_header=False, title_justify="left")
    sizes = {split: f"{len(indices):,}" for split, indices in data.indices.items()}
    shape = "x".join(map(str, data.event_shape))
    pixels = data.pixels
    values = "dequantised" if pixels.dequantize else f"binarize={pixels.binarize}"
    table.add_row("data", f"{data.source.name}, {shape}, {values}")
    table.add_row("examples", f"{sizes['train']} train, {sizes['val']} val, {sizes['test']} test")
    for part in ("posterior", "prior", "likelihood", "encoder", "decoder"):
        word = type(getattr(model, part)).__name__
        count = model.num_parameters(part)
        table.add_row(part, f"{word}, {count:,} parameters" if count else word)
    table.add_row("latent_dim", str(config["model"]["latent_dim"]))
    table.add_row("objective", _arguments(config["objective"]))
    table.add_row("optimizer", _arguments(config["optimizer"]))
    strategy = type(trainer.strategy).__name__.removesuffix("Strategy")
    table.add_row(
        "trainer",
        f"{trainer.max_epochs} epochs on {trainer.world_size} x {trainer.strategy.root_device.type}"
        f" ({strategy}), precision {trainer.precision}, batch {data.batch_size}",
    )
    table.add_row("seed", str(config["seed"]))
    table.add_row("run directory", config["run_dir"])
    _console().print(table)


def _arguments(node: Config) -> str:
    words = [
        _arguments(v) if isinstance(v, Mapping) else f"{k}={v}"
        for k, v in node.items()
        if k != "_target_"
    ]
    return f"{node['_target_'].rpartition('.')[2]}({', '.join(words)})"


def collect(
    config: Config,
    data: DataModule,
    module: VAEModule,
    trainer: Trainer,
    seconds: Mapping[str, float],
    words: Sequence[str],
) -> dict[str, Any]:
    """What results.json holds.

    Arguments:
        config: The whole config.
        data: The data module.
        module: The module, tested.
        trainer: The trainer, after fit and test.
        seconds: How long train (validation included) and test took.
        words: The command that started the run; empty outside a command.
    """
    estimates = module.results()
    samples = module.num_samples or module.objective.num_samples
    test: dict[str, dict[str, float]] = {
        name: _estimate(estimates[name], samples)
        for name in ("elbo", "rate", "distortion")
        if name in estimates
    }
    if "rate" in test and module.exact_rate:
        test["rate"]["num_samples"] = 0
    if "log_px" in estimates:
        test["log_px"] = _estimate(estimates["log_px"], samples) | {
            "monte_carlo_standard_error": math.sqrt(
                estimates["variance"].value / estimates["variance"].num_examples
            ),
            "effective_samples": estimates["effective_samples"].value,
        }
        if data.pixels.dequantize:
            test["bits_per_dim"] = _bits_per_dim(test["log_px"], math.prod(data.event_shape))
    batches = trainer.global_step * trainer.accumulate_grad_batches
    seen = batches * len(data.indices["train"]) / len(data.train_dataloader())
    best = getattr(trainer.checkpoint_callback, "best_model_score", None)
    return {
        "schema": 1,
        "name": config["name"],
        "command": shlex.join(words),
        "seed": config["seed"],
        "score": _score(best, test, module.bounded),
        "test": test,
        "train": {
            "seconds": seconds["train"],
            "images_per_second": seen / seconds["train"],
            "epochs": trainer.current_epoch,
            "steps": trainer.global_step,
        },
        "test_seconds": seconds["test"],
        "parameters": sum(p.numel() for p in module.parameters()),
        "data": {
            "name": data.source.name,
            "fingerprint": data.source.fingerprint,
            "event_shape": list(data.event_shape),
            "binarize": data.pixels.binarize,
            "dequantize": data.pixels.dequantize,
            "sizes": {split: len(indices) for split, indices in data.indices.items()},
        },
        "versions": {
            "vae": vae.__version__,
            "torch": torch.__version__,
            "lightning": lightning.__version__,
            "python": platform.python_version(),
        },
        "device": str(trainer.strategy.root_device),
        "threads": torch.get_num_threads(),
    }


def _score(best: Any, test: Mapping[str, Mapping[str, float]], bounded: bool) -> float:
    """The best validation ELBO, else the test's; minus the distortion where there is no ELBO."""
    sign, name = (1, "elbo") if bounded else (-1, "distortion")
    if best is not None:
        return sign * float(best)
    return sign * test[name]["value"] if name in test else math.nan


def _estimate(estimate: Estimate, num_samples: int) -> dict[str, float]:
    return {
        "value": estimate.value,
        "standard_error": estimate.standard_error,
        "num_examples": estimate.num_examples,
        "num_samples": num_samples,
    }


def _bits_per_dim(log_px: Mapping[str, float], dimensions: int) -> dict[str, float]:
    r"""The bits per pixel and channel that code the bytes: (-log p(x) / D + log 256) / log 2.

    References:
        A note on the evaluation of generative models (Theis et al., 2016), section 3.1
    """
    scale = dimensions * math.log(2)
    return dict(log_px) | {
        "value": -log_px["value"] / scale + 8,
        "standard_error": log_px["standard_error"] / scale,
        "monte_carlo_standard_error": log_px["monte_carlo_standard_error"] / scale,
    }


def write_results(results: Mapping[str, Any], directory: Path) -> None:
    """Write results.json."""
    (directory / "results.json").write_text(json.dumps(results, indent=2) + "\n")


def print_results(results: Mapping[str, Any], directory: Path) -> None:
    """Print the test estimates with their standard errors, the speed and the directory."""
    table = Table(title=f"{results['name']}: test set", title_justify="left")
    for column in ("", "value", "± se", "samples", "unit"):
        table.add_column(column, justify="left" if column in ("", "unit") else "right")
    labels = {"elbo": "ELBO", "log_px": "log p(x)", "bits_per_dim": "bits/dim"}
    for name, e in results["test"].items():
        digits = 4 if name == "bits_per_dim" else 2
        unit = "bits per dimension" if name == "bits_per_dim" else "nats per image"
        if "effective_samples" in e:
            unit += (
                f" (Monte Carlo se {e['monte_carlo_standard_error']:.1g}, "
                f"effective samples {e['effective_samples']:.1f})"
            )
        table.add_row(
            labels.get(name, name),
            f"{e['value']:.{digits}f}",
            f"{e['standard_error']:.{digits}f}",
            f"{e['num_samples']:,}" if e["num_samples"] else "exact",
            unit,
        )
    train = results["train"]
    table.add_section()
    passed = f"{train['epochs']} epochs, validation included"
    table.add_row("training", f"{train['seconds']:.1f}", "", "", f"seconds ({passed})")
    table.add_row("speed", f"{train['images_per_second']:,.0f}", "", "", "images/s in training")
    table.add_row("testing", f"{results['test_seconds']:.1f}", "", "", "seconds")
    console = _console()
    console.print(table)
    console.print(f"run directory: {directory}", soft_wrap=True)


def _console() -> Console:
    width = None if sys.stdout.isatty() else 120
    return Console(width=width, highlight=False, markup=False)
