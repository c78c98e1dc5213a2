"""The table of what a test found."""

import math
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from vae.runs.results import Results
from vae.runs.sections import Latents, Result

# how tables name what results.json holds
LABELS = {
    "elbo": "ELBO",
    "log_px": "log p(x)",
    "log_px_finetuned": "log p(x), fitted",
    "bits_per_dim": "bits/dim",
    "log_px_uniform": "log p(x), uniform p(z)",
    "bits_per_dim_uniform": "bits/dim, uniform p(z)",
    "mutual_information": "I(n; z)",
    "aggregate_kl": "KL(q(z) || p(z))",
    "knn_accuracy": "4-NN accuracy",
    "linear_accuracy": "linear probe",
}


def label(name: str, given: bool = False) -> str:
    """What tables call a result; of a conditional model, log p(x|c)."""
    found = LABELS.get(name, name)
    return found.replace("p(x)", "p(x|c)") if given else found


def digits_of(name: str) -> int:
    """How many decimals tables show of a result."""
    return 4 if name.startswith(("bits_per_dim", "accuracy")) else 2


# the share of images with heavy-tailed weights, and the effective samples, that raise a doubt
MOST_HEAVY, FEWEST_EFFECTIVE = 0.25, 10


def print_results(results: Results, directory: Path) -> None:
    """Print the test estimates with their standard errors, the speed and the directory."""
    table = Table(title=f"{results.name}: test set", title_justify="left")
    for column in ("", "value", "± se", "samples", "unit"):
        table.add_column(column, justify="left" if column in ("", "unit") else "right")
    given = results.condition is not None
    for name, e in results.test.items():
        digits = digits_of(name)
        _add(table, name, e, digits, _unit(name, e), name != "accuracy", given)
    if results.latents is not None:
        _add_latents(table, results.latents)
    if samples := results.samples:
        table.add_section()
        floor = f"of training images {samples.fid_of_training_images.value:.3f}"
        _add(table, "FID", samples.fid, 3, f"{floor}; {samples.features}")
        _add(table, "KID", samples.kid, 5, "same features")
    if images := results.reconstructions:
        table.add_section()
        _add(table, "PSNR", images.psnr, 2, f"decibels, of {images.num_images:,} reconstructions")
        if images.ssim is not None:
            _add(table, "SSIM", images.ssim, 4, "at most 1")
        if images.lpips is not None:
            _add(table, "LPIPS", images.lpips, 4, "VGG-16, version 0.1; less is closer")
        if images.rfid is not None and images.features is not None:
            _add(table, "rFID", images.rfid, 3, images.features)
    if results.disentanglement:
        table.add_section()
        for name, e in results.disentanglement.items():
            unit = f"0 to 1, {e.num_examples:,} images, ± over {e.repeats} draws of them"
            _add(table, name, e, 4, unit, sampled=False)
    table.add_section()
    if train := results.train:
        passed = f"{train.epochs} epochs, validation included"
        table.add_row("training", f"{train.seconds:.1f}", "", "", f"seconds ({passed})")
        speed = f"{train.images_per_second:,.0f}"
        table.add_row("speed", speed, "", "", "images/s in training")
    table.add_row("testing", f"{results.test_seconds:.1f}", "", "", "seconds")
    console().print(table)
    for warning in doubts(results):
        console().print(f"warning: {warning}", soft_wrap=True)
    console().print(f"run directory: {directory}", soft_wrap=True)


def doubts(results: Results) -> list[str]:
    """Why an estimate of log p(x) may be too low by more than its Monte Carlo error says."""
    found = []
    for name in ("log_px", "log_px_finetuned"):
        if (e := results.test.get(name)) is None:
            continue
        heavy, effective = e.heavy_tails or 0.0, e.effective_samples
        assert effective is not None
        if heavy > MOST_HEAVY or effective < FEWEST_EFFECTIVE <= e.num_samples:
            tail = f"; Pareto k-hat above 0.7 for {heavy:.0%} of the images" if heavy else ""
            found.append(
                f"{LABELS[name]} is a lower estimate that few samples carry (effective samples "
                f"{effective:.1f} of {e.num_samples:,}{tail}), and the Monte Carlo "
                "se does not cover what they miss; take more (num_samples=), or a proposal fitted "
                "to each image (finetune=)."
            )
    return found


def _add(
    table: Table,
    name: str,
    e: Result,
    digits: int,
    unit: str,
    sampled: bool = True,
    given: bool = False,
) -> None:
    samples = (f"{e.num_samples:,}" if e.num_samples else "exact") if sampled else ""
    value, error = f"{e.value:.{digits}f}", f"{e.standard_error:.{digits}f}"
    table.add_row(label(name, given), value, error, samples, unit)


def _unit(name: str, e: Result) -> str:
    if name == "accuracy":
        return "of the class, by q(y|x)"
    unit = "nats per image"
    if name.startswith("bits_per_dim"):
        unit = "bits per dimension, " + ("dequantised" if e.dequantized else "of the bytes")
    if e.effective_samples is not None:
        error = e.monte_carlo_standard_error
        known = "" if error is None or math.isnan(error) else f"Monte Carlo se {error:.1g}, "
        unit += f" ({known}effective samples {e.effective_samples:.1f}"
        unit += ")" if e.heavy_tails is None else f", k-hat > 0.7 for {e.heavy_tails:.0%})"
    if (gain := e.gain) is not None:
        more = f"{gain.value:+.2f} ± {gain.standard_error:.2f}"
        unit += f"; {more} over the encoder's on the same {gain.num_examples:,} images"
    return unit


def _add_latents(table: Table, latents: Latents) -> None:
    table.add_section()
    active = f"of {latents.latent_dim} (Var(E[z]) above {latents.threshold})"
    table.add_row("active units", str(latents.active_units), "", "", active)
    if (codes := latents.codes) is not None:
        own = codes.lists is None or codes.lists == codes.choices
        which = f"of a {'choice' if own else 'list'}, the mean of {codes.lists or codes.choices}"
        if codes.lists == 1:
            which = "of all choices"
        unit = f"{which}; {codes.rare} of {codes.classes} classes"
        table.add_row("code perplexity", f"{codes.perplexity:.2f}", "", "", f"{unit} hardly used")
    for layer in latents.layers or ():
        active = f"nats, {layer.active_units} of {layer.latent_dim} units active"
        _add(table, f"rate of {layer.name}", layer.rate, 2, active)
        if (found := layer.mutual_information) is not None:
            beyond = "nats, beyond the layers drawn before it"
            _add(table, f"mutual information of {layer.name}", found, 2, beyond)
    for name in ("mutual_information", "aggregate_kl"):
        if (found := getattr(latents, name)) is not None:
            most = ", an upper estimate that falls with that number"
            if found.upper_limit is not None:
                most = f", at most {found.upper_limit:.2f}, the logarithm of that"
            _add(table, name, found, 2, f"nats, over {found.aggregate_size:,} images{most}")
    for name in ("knn_accuracy", "linear_accuracy"):
        if (found := getattr(latents, name)) is not None:
            unit = f"of the class from E[z], by {found.num_samples:,} training images"
            _add(table, name, found, 4, unit, sampled=False)


def console() -> Console:
    """Where tables go: as wide as the terminal, or 120 columns in a file."""
    width = None if sys.stdout.isatty() else 120
    return Console(width=width, highlight=False, markup=False)
