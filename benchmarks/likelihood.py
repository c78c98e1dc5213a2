"""log p(x) by 5,000 samples each: our estimate against the decoder's matrix products alone.

    python benchmarks/likelihood.py [--images 200]

Time is linear in the images, so some of the 10,000 are enough. Both go through the samples in the
same portions; the products are those of 20-400-784 without bias, activation or likelihood.
"""

import argparse
import sys
import time
from collections.abc import Iterable

import torch

from measure import Row, main, median, python

NUM_SAMPLES = 5000
SCRIPT = """
import resource, sys
import torch
from vae.config.build import build_data, build_model
from vae.runs.process import prepare
from vae.cli.command import compose

prepare()
config = compose("model.latent_dim=20", "model.encoder.hidden=[400]", "model.decoder.hidden=[400]")
data = build_data(config)
model = build_model(config, data.event_shape, data).eval()
x = data.examples(500, "test")
model.log_prob(x[:2], 10, 1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model.log_prob(x, 200, float(sys.argv[1]))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3)
"""


def rows(images: int = 200, rounds: int = 5, memory: float = 32) -> Iterable[Row]:
    """Time against the products, and memory against the budget."""
    from vae.cli.command import compose
    from vae.config.build import build_data, build_model
    from vae.model.importance import samples_at_once
    from vae.runs.process import prepare

    prepare()
    sizes = ["model.encoder.hidden=[400]", "model.decoder.hidden=[400]"]
    config = compose("model.latent_dim=20", *sizes)
    data = build_data(config)
    model = build_model(config, data.event_shape, data).eval()
    x = data.examples(images, "test")
    rows_at_once = images * samples_at_once(model, model.encode(x), images, memory)
    z, first, second = torch.randn(rows_at_once, 20), torch.randn(400, 20), torch.randn(784, 400)
    total = images * NUM_SAMPLES
    seconds: dict[str, list[float]] = {"estimate": [], "products": []}
    for turn in range(rounds):
        start = time.perf_counter()
        model.log_prob(x, NUM_SAMPLES, memory)
        middle = time.perf_counter()
        for _ in range(total // rows_at_once):
            z @ first.T @ second.T
        end = time.perf_counter()
        seconds["estimate"].append(middle - start)
        seconds["products"].append((end - middle) * total / (total // rows_at_once * rows_at_once))
        print(f"log p(x), round {turn + 1}: {middle - start:.2f} s", file=sys.stderr)
    mine, theirs = median(seconds["estimate"]), median(seconds["products"])
    scale = 10_000 / images
    yield Row(
        f"log p(x), k = 5,000, 10,000 images ({images} measured)",
        f"{mine * scale:.0f} s",
        f"the decoder's products {theirs * scale:.0f} s",
        mine / theirs,
        "1.5",
    )
    for budget in (32, 256):
        grown = float(python("-c", SCRIPT, str(budget)).output.split()[-1])
        what = f"memory of log p(x) of 500 images, evaluate.memory={budget}"
        yield Row(what, f"{grown:.0f} MB", f"the budget {budget} MB", grown / budget, "1")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200)
    main(list(rows(parser.parse_args().images)))
