"""Random batches of images as bytes: this package's gather against the datasets library.

    python benchmarks/data_loading.py

Each round serves every batch of an epoch of 10,000 MNIST images once, in random order; the rounds
take turns, and the medians are compared.
"""

import statistics
import time

import torch

from vae.data.batches import Batches
from vae.data.cache import cached
from vae.data.sources.mnist import MNIST

COUNT, SIZE, ROUNDS = 10_000, 128, 5


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main():
    import datasets

    arrays = {k: torch.from_numpy(a[:COUNT].copy()) for k, a in cached(MNIST()).items()}
    images, labels = arrays["train_images"], arrays["train_labels"]
    batches = Batches(images, labels, torch.arange(COUNT), SIZE, epoch=lambda: 0)
    rows = {"x": images.flatten(1).numpy(), "label": labels.numpy()}
    theirs = datasets.Dataset.from_dict(rows).with_format("torch")

    def by_datasets():
        for some in torch.randperm(COUNT).split(SIZE):
            _ = theirs[some.tolist()]["x"].to(torch.uint8).view(-1, 1, 28, 28)

    ours, others = [], []
    for _ in range(ROUNDS):
        ours.append(seconds(lambda: list(batches)))
        others.append(seconds(by_datasets))
    mine, them = (1000 * statistics.median(v) / len(batches) for v in (ours, others))
    print(f"a batch of {SIZE}: gather {mine:.3f} ms, datasets {them:.3f} ms, {them / mine:.0f} x")


if __name__ == "__main__":
    main()
