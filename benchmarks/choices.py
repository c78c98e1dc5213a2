"""What each choice makes and costs, on the same digits: docs/choices.md, with pictures.

    python benchmarks/choices.py measure [model/prior=flow ...]
    python benchmarks/choices.py time [model/prior=flow ...]
    python benchmarks/choices.py write

`measure` trains each option of the table below for two epochs on one thread, tests it, and keeps
docs/choices.json and a picture: test images, their reconstructions, and samples. `time` trains each
for 100 steps between two trainings of the default, and keeps the ratio. What is in the file is not
measured again, unless it is named. `write` makes the page of them. All of it takes an hour.
"""

import argparse
import contextlib
import io
import json
import re
import tempfile
from pathlib import Path

import torch

import vae
from formulas import FORMULAS
from vae.config.groups import options
from vae.reporting.figures import grid
from vae.reporting.views import samples

DOCS = Path(__file__).parents[1] / "docs"
KEPT, PAGE, PICTURES = DOCS / "choices.json", DOCS / "choices.md", DOCS / "pictures" / "choices"
BASE = [
    "experiment=mnist_bernoulli",
    "model.encoder.hidden=[256]",
    "model.decoder.hidden=[256]",
    "trainer.max_epochs=2",
    "trainer.limit_test_batches=8",
    "threads=1",
    "evaluate.num_samples=100",
    "evaluate.surgery=0",
    "evaluate.probe=0",
    "callbacks.pictures=null",
    "logger=csv",
]
SHORT = [
    "trainer.max_epochs=1",
    "trainer.limit_train_batches=100",
    "trainer.limit_val_batches=1",
    "trainer.limit_test_batches=1",
    "evaluate.num_samples=0",
]
CODES = ["model/posterior=vq", "model.latent_dim=64", "model.posterior.length=4"]
CODES += ["model.posterior.classes=64"]
MAPS = ["model=spatial", "~model.encoder", "~model.decoder", "model.channels=[8,16,16]"]
AUTOENCODER = ["model/posterior=delta", "model/likelihood=gaussian", "model.likelihood.scale=1"]
# what an option needs beside itself; {} is the option
WITH = {
    "model/posterior=categorical": ["model/prior=autoregressive", "model.latent_dim=64"],
    "model/posterior=fsq": ["model/prior=autoregressive"],
    "model/posterior=lfq": ["model/prior=autoregressive"],
    "model/posterior=vq": ["model/prior=autoregressive", *CODES],
    "model/posterior=delta": ["objective=reconstruction"],
    "model/encoder=resnet": ["evaluate.num_samples=10"],
    "model/prior=vampprior": ["model.prior.components=100"],
    "model/prior=conditional_normal": ["model.condition=label"],
    "model/prior=uniform": CODES,
    "model/prior=autoregressive": CODES,
    "model/prior=transformer": CODES,
    "objective=beta": ["objective.beta=4"],
    "objective=mmd": AUTOENCODER,
    "objective=adversarial": AUTOENCODER,
    "objective=reconstruction": AUTOENCODER,
    "objective=m2": ["model=m2", "data.labels=100"],
}
INTRODUCTION = """\
Written by `python benchmarks/choices.py write`. Each choice in the place of one of the
784-256-32 VAE's on MNIST, after two epochs, by some thousand test images with k = 100 (10 of
resnet): too short for a result, and enough to see a difference. Digits are binary under a Bernoulli
likelihood and grey under the others, and nats of the two, or of densities and bytes, do not
compare. conv and resnet have their default sizes. What a choice costs is the time of a fit of 100
steps on one thread, set-up included, against the default's, just before and after. Pictures are of
test images, their reconstructions, and samples."""
USUAL = "model/posterior=diagonal_normal"
GROUPS = ("model/posterior", "model/prior", "model/likelihood", "model/encoder", "objective")
TITLES = {
    "model/posterior": "Posteriors",
    "model/prior": "Priors",
    "model/likelihood": "Likelihoods",
    "model/encoder": "Networks",
    "objective": "Objectives",
}
# of maps, and of models trained otherwise: their own pages show them; or too slow
ELSEWHERE = {
    "model/likelihood=categorical": "200,704 logits an image: a step takes 150 times as long",
    "model/prior=pixelcnn": "of maps of codes: [families](families.md)",
    "model/prior=diffusion": "fitted to a trained run: [families](families.md)",
    "objective=perceptual": "of maps, for photographs: [families](families.md)",
}


def choices() -> list[str]:
    """Every option of the groups, as on the command line."""
    return [f"{group}={option}" for group in GROUPS for option in options()[group]]


def words(choice: str) -> list[str]:
    """The command's words for one choice."""
    own = [choice, *WITH.get(choice, [])]
    if choice.startswith("model/encoder="):
        network = choice.partition("=")[2]
        own += [f"model/decoder={network}"]
        if network in ("conv", "resnet"):
            sizes = ["model.encoder.hidden", "model.decoder.hidden"]
            return [w for w in BASE if w.partition("=")[0] not in sizes] + own
    return [*BASE, *own]


def measure(choice: str) -> dict[str, float | str]:
    """Train and test one choice, and draw what it makes."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        run = vae.fit(*words(choice), f"run_dir={folder}/run")
        results = run.results
        assert results is not None
        row: dict[str, float | str] = {}
        for name in ("elbo", "log_px", "bits_per_dim", "distortion"):
            if name in results.test:
                row[name] = results.test[name].value
        torch.manual_seed(0)
        batch = next(run.data.batches("test", 10))
        given = run.model.given(batch.context)
        with torch.no_grad():
            rows = [batch.x, given.decode(given.embed(batch.x)).mean, samples(given, 10)]
        picture = grid(torch.cat([r.cpu() for r in rows]), 10)
    PICTURES.mkdir(exist_ok=True)
    name = f"{re.sub(r'[/=]', '-', choice)}.png"
    picture.quantize(16).save(PICTURES / name, optimize=True)
    return row | {"picture": name}


def seconds(choice: str) -> float:
    """The seconds of 100 steps."""
    taken = {word.partition("=")[0] for word in SHORT}
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        own = [word for word in words(choice) if word.partition("=")[0] not in taken]
        results = vae.fit(*own, *SHORT, f"run_dir={folder}/run").results
    assert results is not None
    assert results.train is not None
    return results.train.seconds


def page(kept: dict[str, dict[str, float]]) -> str:
    """docs/choices.md."""
    lines = [
        "# What each choice makes and costs",
        "",
        INTRODUCTION,
        "",
    ]
    for group in GROUPS:
        lines += [f"## {TITLES[group]}", "", "| choice | formula | costs | finds | makes |"]
        lines += ["|---|---|---|---|---|"]
        for option in options()[group]:
            choice = f"{group}={option}"
            formula = FORMULAS[choice].replace("|", "\\|")
            if choice in ELSEWHERE:
                lines.append(f"| `{choice}` | {formula} | | {ELSEWHERE[choice]} | |")
                continue
            row = kept[choice]
            picture = f"![Images, reconstructions and samples](pictures/choices/{row['picture']})"
            costs = f"{row['cost']:.1f} ×"
            lines.append(f"| `{choice}` | {formula} | {costs} | {found(row)} | {picture} |")
        lines.append("")
    lines += ["## The words beside each", ""]
    lines += ["| choice | with |", "|---|---|"]
    lines += [f"| `{c}` | {' '.join(f'`{word}`' for word in w)} |" for c, w in WITH.items()]
    return "\n".join(lines) + "\n"


def found(row: dict[str, float]) -> str:
    """The numbers of a row."""
    if "elbo" not in row:
        return f"distortion {row['distortion']:.1f} nats; no bound"
    text = f"ELBO {row['elbo']:.1f}"
    if "log_px" in row:
        text += f", log p(x) {row['log_px']:.1f} nats"
    if "bits_per_dim" in row:
        text += f"; {row['bits_per_dim']:.2f} bits/dim"
    return text


def main() -> None:
    """Measure or write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["measure", "time", "write"])
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    if given.what == "write":
        PAGE.write_text(page(kept))
        return
    timed = given.what == "time"
    done = {c for c, row in kept.items() if not timed or "cost" in row}
    before = seconds(USUAL) if timed else 0.0
    for choice in given.names or [c for c in choices() if c not in (*done, *ELSEWHERE)]:
        print(choice, flush=True)
        if timed:
            own, after = seconds(choice), seconds(USUAL)
            kept.setdefault(choice, {})["cost"] = 2 * own / (before + after)
            before = after
        else:
            kept[choice] = kept.get(choice, {}) | measure(choice)
        KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
