"""What a test looks at beyond log p(x): latents, classes, generated images, a tighter bound."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from vae.data.batches import Batch
from vae.data.module import DataModule
from vae.data.source import Split
from vae.evaluation.disentanglement import disentanglement
from vae.evaluation.generated import distances
from vae.evaluation.lpips import read_lpips
from vae.evaluation.module import TRUSTED, EvaluationModule
from vae.evaluation.reconstructions import reconstructions
from vae.evaluation.results import Analysis
from vae.metrics.estimate import Estimate
from vae.metrics.latents import THRESHOLD, LatentUse
from vae.model import VAE
from vae.model.capabilities import has_trait, offers
from vae.runs.sections import Latents, Layer, Result

Settings = Mapping[str, Any]
# numbers of z above which no proposal with a full covariance is fitted
MOST_FITTED = 500
# test images below which FID and KID are not estimated
SMALLEST = 20
Section = dict[str, Any]


@torch.no_grad()
def analyse(
    module: EvaluationModule,
    data: DataModule,
    settings: Settings,
    device: torch.device,
    say: Callable[[str], None] = print,
) -> Analysis:
    """Look closer at a model that was tested.

    Arguments:
        module: The module, tested.
        data: The data module.
        settings: surgery, probe, fid, finetune, finetune_steps, reconstructions,
            vgg, lpips, disentanglement and dci, as in conf/evaluate.
        device: Where to compute.
        say: Told what is being done.
    """
    # a file that cannot be read costs nothing of what follows
    lpips = read_lpips(settings["vgg"], settings["lpips"], "evaluate")
    model = module.model.to(device).eval()
    if module.test_use is None:
        return Analysis()
    tested = next(iter(module.results.values())).num_examples
    latents, samples, test = _use(module.test_use), None, {}
    if module.layer_rates:
        latents["layers"] = _layers(module, module.test_use)
    latents["codes"] = module.codes_taken
    if (n := min(tested, settings["surgery"])) > 1 and model.has_conditional_prior:
        say("no ELBO surgery: it is of one p(z), and this model has a p(z|c) for each c")
    elif n > 1 and module.bounded:
        if not offers(model.posterior, "density_anywhere"):
            # every density takes latent_dim passes of a network
            n = min(n, 200)
        say(f"ELBO surgery over {n:,} test images")
        found = _surgery(*_take(model, data, "test", n, device))
        latents["layers"] = _informed(latents.get("layers"), found.pop("by_layer"))
        latents |= found
    if (n := min(len(data.indices["train"]), settings["probe"])) > 0:
        say(f"classifiers of the latent means of {n:,} training images")
        latents |= _probes(model, data, n, tested, device)
    if (n := settings["fid"]) > 0 and not module.generates:
        say(
            "no FID: an autoencoder's codes are not drawn towards its prior; fit one with "
            "python -m vae.fit_prior run=..."
        )
    elif n > 0:
        if len(data.indices["test"]) < SMALLEST:
            say(f"no FID: it needs at least {SMALLEST} test images, and there are fewer")
        else:
            say(f"FID and KID of {n:,} generated images")
            samples = distances(model, data, n, device)
    n = min(tested, settings["finetune"]) if module.bounded and module.num_samples else 0
    if n and model.enumerates:
        say("no fitted proposals: they are normal, and the class is no number")
    elif n and has_trait(model.posterior, "discrete"):
        say("no fitted proposals: they are normal, and the codes are discrete")
    elif n and model.latent_dim > MOST_FITTED:
        say(f"no fitted proposals: a covariance of {model.latent_dim:,} numbers is too large")
    elif n:
        say(f"log p(x) of {n:,} test images by proposals fitted to each")
        given, x = _take(model, data, "test", n, device)
        test = _finetuned(module, given, x, settings["finetune_steps"])
    factors = None
    if settings["disentanglement"]:
        say("disentanglement scores (boosted trees take minutes where a factor has many values)")
        factors = disentanglement(model, data, device, settings["dci"], say)
    images = None
    if (n := min(len(data.indices["test"]), settings["reconstructions"])) > 1:
        say(f"PSNR, SSIM and rFID of {n:,} reconstructions")
        images = reconstructions(model, data, n, device, say, lpips)
    return Analysis(Latents(**latents), samples, test, factors, images)


def _batches(data: DataModule, split: Split, count: int) -> Iterator[Batch]:
    """The first `count` examples of a split."""
    size = min(data.eval_batch_size, count)
    for i, batch in enumerate(itertools.islice(data.batches(split, size), -(-count // size))):
        left = count - i * size
        yield Batch(*(None if t is None else t[:left] for t in batch))  # type: ignore[arg-type]


def _take(
    model: VAE, data: DataModule, split: Split, count: int, device: torch.device
) -> tuple[VAE, Tensor]:
    """Some examples, and the model given what it knows of them."""
    batches = list(_batches(data, split, count))
    return model.given(_context(batches)), torch.cat([batch.x for batch in batches]).to(device)


def _context(batches: Sequence[Batch]) -> Tensor | None:
    known = [batch.context for batch in batches if batch.context is not None]
    return torch.cat(known) if known else None


def _use(use: LatentUse) -> Section:
    return {
        "latent_dim": len(use.variance),
        "active_units": int(use.active.sum()),
        "threshold": THRESHOLD,
        "variance": use.variance.tolist(),
        "rate_per_dimension": None if use.rate is None else use.rate.tolist(),
    }


def _layers(module: EvaluationModule, use: LatentUse) -> list[Layer]:
    pieces = use.active.split(module.model.layers)
    return [
        Layer(name=name, latent_dim=len(own), active_units=int(own.sum()), rate=Result.of(rate, 1))
        for (name, rate), own in zip(module.layer_rates.items(), pieces, strict=True)
    ]


def _surgery(model: VAE, x: Tensor) -> Section:
    from vae.metrics.surgery import surgery

    found = surgery(model, x)
    n = found.num_examples
    return {
        "mutual_information": Result.of(
            found.mutual_information, 1, aggregate_size=n, upper_limit=math.log(n)
        ),
        "aggregate_kl": Result.of(found.aggregate_kl, 1, aggregate_size=n),
        "by_layer": [Result.of(e, 1, aggregate_size=n) for e in found.by_layer or ()],
    }


def _informed(layers: list[Layer] | None, information: Sequence[Result]) -> list[Layer] | None:
    if not layers or not information:
        return layers
    pairs = zip(layers, information, strict=True)
    return [layer.model_copy(update={"mutual_information": found}) for layer, found in pairs]


def _probes(model: VAE, data: DataModule, count: int, tested: int, device: torch.device) -> Section:
    from vae.metrics.probes import knn_accuracy, linear_accuracy

    def coded(split: Split, n: int) -> tuple[Tensor, Tensor]:
        batches = [
            # those of a class that is not known teach nothing and ask nothing
            Batch(*(None if t is None else t[batch.label >= 0] for t in batch))  # type: ignore[arg-type]
            for batch in _batches(data, split, n)
        ]
        z = torch.cat([_code(model, batch.x.to(device), batch.context) for batch in batches])
        return z, torch.cat([batch.label for batch in batches])

    train, test = coded("train", count), coded("test", tested)
    if len(train[1].unique()) < 2 or not len(test[1]):
        return {}
    return {
        "knn_accuracy": Result.of(knn_accuracy(*train, *test), count, neighbours=4),
        "linear_accuracy": Result.of(linear_accuracy(*train, *test), count),
    }


def _code(model: VAE, x: Tensor, context: Tensor | None) -> Tensor:
    z: Tensor = model.given(context).embed(x)
    return z.float().cpu()


def _heavy(pareto_k: Tensor) -> Section:
    """The share of examples whose weights have a heavy tail, where that is known."""
    known = pareto_k[~pareto_k.isnan()]
    return {"heavy_tails": float((known > TRUSTED).double().mean())} if len(known) else {}


def _finetuned(module: EvaluationModule, model: VAE, x: Tensor, steps: int) -> dict[str, Result]:
    from vae.metrics.finetune import finetuned

    k, memory = module.num_samples, module.memory
    tight, plain = [], []
    for start in range(0, len(x), 100):
        own, some = model.rows(start, start + 100), x[start : start + 100]
        plain.append(own.log_prob(some, k, memory))
        tight.append(finetuned(own, some, k, steps, memory=memory))
    log_px = torch.cat([t.log_px for t in tight])
    gain = log_px - torch.cat([p.log_px for p in plain])
    variance = torch.cat([t.variance for t in tight]).mean()
    return {
        "log_px_finetuned": Result.of(
            Estimate.of(log_px),
            k,
            monte_carlo_standard_error=math.sqrt(float(variance) / len(x)),
            effective_samples=float(torch.cat([t.effective for t in tight]).mean()),
            **_heavy(torch.cat([t.pareto_k for t in tight])),
            steps=steps,
            # over the encoder's own proposal, on the same images
            gain=Result.of(Estimate.of(gain), k),
        )
    }
