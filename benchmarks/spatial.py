"""Time and memory of a training step of experiment=autoencoder_kl, by the size of the pictures.

    python benchmarks/spatial.py [--sizes 64 128 256] [--batch 4]  (on Linux)

Each size is a process of its own, which takes some steps of the model's and the adversary's weights
after one that is not counted, with blocks kept for the backward pass and computed again there
(model.checkpointing=true). Memory is what the process holds at most, less what it holds with the
model built.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

STEPS = 3


def measured(size: int, batch: int, again: bool) -> dict[str, float]:
    """Seconds of a step and MB, in this process."""
    import torch

    from vae.cli.command import compose
    from vae.config.build import build_data
    from vae.training.adversaries import group
    from vae.training.build import build_module

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pictures.npy")
        np.save(path, np.random.default_rng(0).integers(0, 256, (40, 3, size, size), np.uint8))
        words = ["experiment=autoencoder_kl", "data=arrays", f"data.root={path}"]
        words += [f"model.checkpointing={str(again).lower()}", f"data.batch_size={batch}"]
        config = compose(*words, "data.dequantize=false", "data.val_size=4")
        data = build_data(config)
        module = build_module(config, data)
        optimizer = torch.optim.AdamW(module.model.parameters(), lr=1e-4)
        assert module.adversary is not None
        optimizer.add_param_group(group(module.adversary, optimizer))
        x = data.some(batch).x
        # what was held at most so far is forgotten
        Path("/proc/self/clear_refs").write_text("5")
        before, seconds = held("VmRSS"), []
        for _ in range(STEPS + 1):
            began = time.perf_counter()
            optimizer.zero_grad()
            module.objective(module.model(x), 1.0).loss.backward()
            optimizer.step()
            seconds.append(time.perf_counter() - began)
    return {"seconds": statistics.median(seconds[1:]), "memory": held("VmHWM") - before}


def held(name: str) -> float:
    """What this process holds now (VmRSS), or held at most (VmHWM), in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def main() -> None:
    """A row for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[64, 128, 256])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        size, again = int(given.one[0]), given.one[1] == "again"
        print(json.dumps(measured(size, given.batch, again)))
        return
    print("| pictures | s a step | MB | s, computed again | MB, computed again |")
    print("|---|---|---|---|---|")
    for size in given.sizes:
        cells = []
        for way in ("kept", "again"):
            words = ["--batch", str(given.batch), "--one", str(size), way]
            said = subprocess.check_output([sys.executable, __file__, *words], text=True)
            found = json.loads(said.splitlines()[-1])
            cells += [f"{found['seconds']:.2f}", f"{found['memory']:,.0f}"]
        print(f"| {given.batch} of {size} x {size} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
