"""What a test found, as results.json holds it."""

import math
import platform
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch import Trainer

import vae
from vae.data.module import DataModule
from vae.evaluation.module import EvaluationModule
from vae.model.capabilities import has_trait
from vae.model.priors.code_prior import CodePrior
from vae.runs.results import SCHEMA, Results
from vae.runs.sections import DataFacts, Latents, Reconstructions, Result, Samples, Training

Config = Mapping[str, Any]


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
    train: Training | None = None
    score: float | None = None


@dataclass(frozen=True)
class Analysis:
    """What is found by looking closer than the test.

    Arguments:
        latents: What the latent dimensions carry.
        samples: How good generated images are.
        test: More of the test's estimates.
        disentanglement: How codes keep the data's factors apart, by protocol.
        reconstructions: How close reconstructions are.
    """

    latents: Latents | None = None
    samples: Samples | None = None
    test: Mapping[str, Result] = field(default_factory=dict)
    disentanglement: Mapping[str, Result] | None = None
    reconstructions: Reconstructions | None = None


def collect(
    about: About,
    module: EvaluationModule,
    data: DataModule,
    trainer: Trainer,
    analysis: Analysis | None,
    seconds: float = 0.0,
    pruned: bool = False,
) -> Results:
    """The results of a test.

    Arguments:
        about: What is known before the test.
        module: The module, tested.
        data: The data module.
        trainer: The trainer that tested it.
        analysis: What `analyse` found; None before it has looked.
        seconds: How long the test took, with the analysis.
        pruned: Whether a search ended the run early.
    """
    test = estimates_of(module, data)
    found = analysis or Analysis()
    return Results(
        schema=SCHEMA,
        complete=analysis is not None,
        pruned=pruned,
        name=about.config["name"],
        command=shlex.join(about.words),
        seed=about.config["seed"],
        condition=None if data.condition == "some_labels" else data.condition,
        checkpoint=str(about.checkpoint) if about.checkpoint else None,
        score=_score(about.score, test, module.ranked_by),
        test=test | dict(found.test),
        latents=found.latents,
        samples=found.samples,
        reconstructions=found.reconstructions,
        disentanglement=dict(found.disentanglement) if found.disentanglement else None,
        train=about.train,
        test_seconds=seconds,
        parameters=sum(p.numel() for p in module.model.parameters()),
        data=DataFacts(
            name=data.source.name,
            fingerprint=data.source.fingerprint,
            event_shape=list(data.event_shape),
            binarize=data.pixels.binarize,
            dequantize=data.pixels.dequantize,
            sizes={split: len(indices) for split, indices in data.indices.items()},
        ),
        versions={
            "vae": vae.__version__,
            "torch": torch.__version__,
            "lightning": lightning.__version__,
            "python": platform.python_version(),
        },
        device=str(trainer.strategy.root_device),
        threads=torch.get_num_threads(),
    )


def estimates_of(module: EvaluationModule, data: DataModule) -> dict[str, Result]:
    """The estimates of the test: elbo, rate, distortion, log_px and bits_per_dim.

    Those of a learned prior over codes have a uniform one's beside them.
    """
    estimates = module.results
    # a point needs no samples
    samples = (module.num_samples or 1) if module.bounded else 0
    test: dict[str, Result] = {
        name: Result.of(estimates[name], 0 if name == "rate" and module.exact_rate else samples)
        for name in ("elbo", "rate", "distortion")
        if name in estimates
    }
    if "accuracy" in estimates:
        test["accuracy"] = Result.of(estimates["accuracy"], 0)
    if "log_px" in estimates:
        heavy = estimates["heavy_tails"].value
        test["log_px"] = Result.of(
            estimates["log_px"],
            samples,
            monte_carlo_standard_error=math.sqrt(
                estimates["variance"].value / estimates["variance"].num_examples
            ),
            effective_samples=estimates["effective_samples"].value,
            # the share of examples whose estimate is not to be trusted
            **({} if math.isnan(heavy) else {"heavy_tails": heavy}),
        )
        if data.pixels.binarize == "none" and (data.pixels.dequantize or _discrete(module)):
            test["bits_per_dim"] = _bits_per_dim(
                test["log_px"], math.prod(data.event_shape), data.pixels.dequantize
            )
        if (loose := _under_uniform(module, test)) is not None:
            test["log_px_uniform"] = loose
            if "bits_per_dim" in test:
                test["bits_per_dim_uniform"] = _bits_per_dim(
                    loose, math.prod(data.event_shape), data.pixels.dequantize
                )
    return test


def _under_uniform(module: EvaluationModule, test: Mapping[str, Result]) -> Result | None:
    r"""The bound that a uniform prior gives, beside the one of a prior that has learned the codes.

    .. math:: \log p(x) \geq \log p(x \mid z) - \sum_n \log K_n \text{ for the one code z of } x
    """
    posterior, prior = module.model.posterior, module.model.prior
    if not (isinstance(prior, CodePrior) and has_trait(posterior, "certain")):
        return None
    codes = math.fsum(map(math.log, prior.codebook.sizes))
    return test["log_px"].model_copy(
        update={
            "value": -test["distortion"].value - codes,
            "standard_error": test["distortion"].standard_error,
        }
    )


def _score(score: float | None, test: Mapping[str, Result], name: str) -> float:
    """`score`, else the test's ELBO or minus its distortion, whichever it is ranked by."""
    if score is not None:
        return score
    sign = 1 if name == "elbo" else -1
    return sign * test[name].value if name in test else math.nan


def _discrete(module: EvaluationModule) -> bool:
    return bool(module.model.likelihood.support.is_discrete)


def _bits_per_dim(log_px: Result, dimensions: int, dequantized: bool) -> Result:
    r"""The bits per pixel and channel that code the bytes.

    .. math:: -\log_2 p(x) / D \text{ (a probability of levels)}, \quad
        -\log_2 p(x) / D + 8 \text{ (a density of dequantised values in [0, 1))}

    References:
        A note on the evaluation of generative models (Theis et al., 2016), section 3.1
    """
    scale = dimensions * math.log(2)
    assert log_px.monte_carlo_standard_error is not None
    changed = {
        "value": -log_px.value / scale + (8 if dequantized else 0),
        "standard_error": log_px.standard_error / scale,
        "monte_carlo_standard_error": log_px.monte_carlo_standard_error / scale,
        "dequantized": dequantized,
    }
    return log_px.model_copy(update=changed)
