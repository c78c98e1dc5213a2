"""An epoch of 60,000 digits: vae.train, whole, against loops by hand, Lightning, pythae.

    python benchmarks/epochs.py [--rounds 5]

vae.train trains on 55,000 of them and validates on the others after every epoch, logs, moves a
progress bar and keeps two checkpoints; its seconds are those of fit for 60,000 images trained on.
The contenders take turns, and each figure is the median over the rounds.
"""

import argparse
import json
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable

import numpy as np

from measure import HERE, Row, main, median, process, python, train
from vae.data.cache import cache_dir
from vae.data.sources.idx import read_idx
from vae.data.sources.mnist import FOLDER

MLP = [f"model.{part}.hidden=[400]" for part in ("encoder", "decoder")]
MLP += [f"model.{part}.activation=relu" for part in ("encoder", "decoder")]
MLP += ["model.latent_dim=20", "trainer.max_epochs=4"]
PYTHAE = "pythae==0.1.2"


def hand(kind: str, network: str, epochs: int, images: int = 60_000) -> float:
    """The seconds of an epoch of 60,000 by a loop of handwritten.py."""
    words = [kind, network, "--epochs", str(epochs), "--images", str(images)]
    done = python(HERE / "handwritten.py", *words)
    return median(json.loads(done.output.splitlines()[-1])) * 60_000 / images


def lightning(epochs: int = 3) -> float:
    """The seconds of an epoch by a plain LightningModule, with a bar in a terminal."""
    command = [sys.executable, HERE / "plain_lightning.py", "--epochs", str(epochs)]
    return median(json.loads(process(command, terminal=True).output.splitlines()[-1]))


def ours(*overrides: str) -> float:
    """The seconds of fit for 60,000 images trained on."""
    results, _ = train(*overrides)
    return 60_000 / float(results["train"]["images_per_second"])


def pythae(epochs: int = 1) -> float:
    """The seconds of an epoch by pythae, installed from the index in a venv of its own."""
    home = cache_dir() / "benchmarks"
    interpreter = home / "pythae" / "bin" / "python"
    if not interpreter.exists():
        venv.create(home / "pythae", with_pip=True)
        import torch

        version = f"torch=={torch.__version__.split('+')[0]}"
        words = ["-m", "pip", "install", "--quiet", PYTHAE, version]
        subprocess.run([interpreter, *words], check=True)
    if not (images := home / "mnist.npy").exists():
        np.save(images, read_idx(FOLDER / "train-images-idx3-ubyte.gz"))
    done = process([interpreter, HERE / "pythae_mnist.py", images, str(epochs)])
    return float(done.output.split()[-1])


def compare(
    title: str, contenders: dict[str, Callable[[], float]], rounds: int
) -> dict[str, float]:
    """The median seconds of each contender, who take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds):
        for name, run in contenders.items():
            seconds[name].append(run())
            print(f"{title}, round {turn + 1}: {name} {seconds[name][-1]:.2f} s", file=sys.stderr)
    return {name: median(values) for name, values in seconds.items()}


def rows(rounds: int = 5) -> Iterable[Row]:
    """All comparisons of epochs."""
    found = compare(
        "784-400-20",
        {
            "hand": lambda: hand("memory", "mlp", 3),
            "ours": lambda: ours(*MLP),
            "bf16": lambda: ours(*MLP, "trainer.precision=bf16-mixed"),
            "lightning": lightning,
            "examples": lambda: hand("loader", "mlp", 1),
            "pythae": pythae,
        },
        rounds,
    )

    def row(what: str, mine: str, words: str, theirs: str, target: str) -> Row:
        ratio = found[mine] / found[theirs]
        return Row(what, f"{found[mine]:.2f} s", f"{words} {found[theirs]:.2f} s", ratio, target)

    in_memory = "loop by hand, in memory"
    yield row("784-400-20, epoch", "ours", in_memory, "hand", "0.75")
    yield row("784-400-20, epoch, bf16-mixed", "bf16", in_memory, "hand", "")
    plain = "a plain LightningModule"
    yield row("784-400-20, epoch", "ours", plain, "lightning", "0.5")
    yield row("784-400-20, epoch", "ours", PYTHAE.replace("==", " "), "pythae", "0.5")
    yield row("784-400-20, epoch", "ours", "as pytorch/examples", "examples", "0.33")
    for network, images in (("conv", 25_600), ("resnet", 6_400)):
        words = [f"model/encoder={network}", f"model/decoder={network}", "trainer.max_epochs=1"]
        words += [f"trainer.limit_train_batches={images // 128}", "data.val_size=1000"]
        found = compare(
            network,
            {
                "hand": lambda n=network, i=images: hand("memory", n, 1, i),  # type: ignore[misc]
                "ours": lambda w=words: ours(*w),  # type: ignore[misc]
                "bf16": lambda w=words: ours(*w, "trainer.precision=bf16-mixed"),  # type: ignore[misc]
            },
            min(rounds, 3),
        )
        what = f"{network}, epoch ({images:,} images, scaled)"
        yield row(what, "ours", in_memory, "hand", "0.9")
        yield row(f"{what}, bf16-mixed", "bf16", in_memory, "hand", "")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    main(list(rows(parser.parse_args().rounds)))
