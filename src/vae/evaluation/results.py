"""What results.json holds: one schema for every run and every evaluation."""

import json
import math
import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch import Trainer

import vae
from vae.data.module import DataModule
from vae.errors import RunError
from vae.evaluation.module import EvaluationModule
from vae.metrics.estimate import Estimate

Config = Mapping[str, Any]
SCHEMA = 4


@dataclass(frozen=True)
class About:
    """What results.json says beside what the test found.

    Arguments:
        config: The whole config of the run.
        checkpoint: What was tested.
        words: The command; empty outside a command.
        train: What is known of the training.
        score: What the run is ranked by; None for the test's own ELBO.
    """

    config: Config
    checkpoint: Path | None
    words: Sequence[str] = ()
    train: Mapping[str, Any] | None = None
    score: float | None = None


def collect(
    about: About,
    module: EvaluationModule,
    data: DataModule,
    trainer: Trainer,
    analysis: Mapping[str, Mapping[str, Any]] | None,
    seconds: float = 0.0,
    pruned: bool = False,
) -> dict[str, Any]:
    """What results.json holds.

    Arguments:
        about: What is known before the test.
        module: The module, tested.
        data: The data module.
        trainer: The trainer that tested it.
        analysis: What `analyse` found, by section; None before it has looked.
        seconds: How long the test took, with the analysis.
        pruned: Whether a search ended the run early.
    """
    test = estimates_of(module, data)
    complete, analysis = analysis is not None, analysis or {}
    return {
        "schema": SCHEMA,
        "complete": complete,
        "pruned": pruned,
        "name": about.config["name"],
        "command": shlex.join(about.words),
        "seed": about.config["seed"],
        "checkpoint": str(about.checkpoint) if about.checkpoint else None,
        "score": _score(about.score, test, module.bounded),
        "test": test | dict(analysis.get("test", {})),
        "latents": dict(analysis.get("latents", {})),
        "samples": dict(analysis.get("samples", {})),
        "train": dict(about.train) if about.train else None,
        "test_seconds": seconds,
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


def earlier_training(directory: Path) -> dict[str, Any] | None:
    """What a run's own results.json says of its training; None if it has none.

    Raises:
        RunError: If it is damaged.
    """
    path = directory / "results.json"
    if not path.is_file():
        return None
    try:
        known = json.loads(path.read_text()).get("train")
    except (ValueError, AttributeError) as e:
        raise RunError(
            f"a run's results.json holds what train wrote, but {path} cannot be read ({e}); move "
            "it away."
        ) from e
    return known if isinstance(known, dict) and "best_val_score" in known else None


def estimates_of(module: EvaluationModule, data: DataModule) -> dict[str, dict[str, float]]:
    """The estimates of the test: elbo, rate, distortion, log_px and bits_per_dim."""
    estimates = module.results
    # a point needs no samples
    samples = (module.num_samples or 1) if module.bounded else 0
    test: dict[str, dict[str, float]] = {
        name: estimate_dict(estimates[name], samples)
        for name in ("elbo", "rate", "distortion")
        if name in estimates
    }
    if "rate" in test and module.exact_rate:
        test["rate"]["num_samples"] = 0
    if "log_px" in estimates:
        test["log_px"] = estimate_dict(estimates["log_px"], samples) | {
            "monte_carlo_standard_error": math.sqrt(
                estimates["variance"].value / estimates["variance"].num_examples
            ),
            "effective_samples": estimates["effective_samples"].value,
        }
        if not math.isnan(heavy := estimates["heavy_tails"].value):
            # the share of examples whose estimate is not to be trusted
            test["log_px"]["heavy_tails"] = heavy
        if data.pixels.binarize == "none" and (data.pixels.dequantize or _discrete(module)):
            test["bits_per_dim"] = _bits_per_dim(
                test["log_px"], math.prod(data.event_shape), data.pixels.dequantize
            )
    return test


def estimate_dict(estimate: Estimate, num_samples: int) -> dict[str, float]:
    """An estimate and the number of samples it took, as results.json holds them."""
    return {**estimate._asdict(), "num_samples": num_samples}


def _score(score: float | None, test: Mapping[str, Mapping[str, float]], bounded: bool) -> float:
    """`score`, else the test's ELBO; minus the distortion where there is no ELBO."""
    if score is not None:
        return score
    sign, name = (1, "elbo") if bounded else (-1, "distortion")
    return sign * test[name]["value"] if name in test else math.nan


def _discrete(module: EvaluationModule) -> bool:
    return bool(module.model.likelihood.support.is_discrete)


def _bits_per_dim(
    log_px: Mapping[str, float], dimensions: int, dequantized: bool
) -> dict[str, float]:
    r"""The bits per pixel and channel that code the bytes.

    .. math:: -\log_2 p(x) / D \text{ (a probability of levels)}, \quad
        -\log_2 p(x) / D + 8 \text{ (a density of dequantised values in [0, 1))}

    References:
        A note on the evaluation of generative models (Theis et al., 2016), section 3.1
    """
    scale = dimensions * math.log(2)
    return dict(log_px) | {
        "value": -log_px["value"] / scale + (8 if dequantized else 0),
        "standard_error": log_px["standard_error"] / scale,
        "monte_carlo_standard_error": log_px["monte_carlo_standard_error"] / scale,
        "dequantized": dequantized,
    }
