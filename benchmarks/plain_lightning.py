"""The training that users of Lightning write: a plain LightningModule, a DataLoader, self.log.

    python benchmarks/plain_lightning.py --epochs 3

784-400-20 on MNIST in memory, Adam at its defaults, a mean of 128 images a step, each drawn anew
from its grey values; loss, rate and distortion are logged at every step as `self.log` does, with a
progress bar. It prints the seconds of each epoch.
"""

import argparse
import json
import time
import warnings

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from handwritten import BATCH, mlp
from vae.data.sources.idx import read_idx
from vae.data.sources.mnist import FOLDER


class Plain(LightningModule):
    """A VAE as tutorials for Lightning have it."""

    def __init__(self) -> None:
        super().__init__()
        self.net = mlp()

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """The negative ELBO."""
        x = torch.bernoulli(batch[0])
        logits, loc, log_variance = self.net(x)
        cross = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
        kl = -0.5 * torch.sum(1 + log_variance - loc.pow(2) - log_variance.exp()) / len(x)
        self.log("train/loss", cross + kl, prog_bar=True)
        self.log("train/rate", kl)
        self.log("train/distortion", cross)
        return cross + kl

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class Clock(Callback):
    """The seconds of each epoch."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_train_epoch_start(self, *_: object) -> None:
        """Start."""
        self.start = time.perf_counter()

    def on_train_epoch_end(self, *_: object) -> None:
        """Stop."""
        self.seconds.append(time.perf_counter() - self.start)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=3)
    epochs = parser.parse_args().epochs
    # workers cost more than they give for images in memory, which is what the warning asks about
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    torch.manual_seed(0)
    images = read_idx(FOLDER / "train-images-idx3-ubyte.gz").astype(np.float32) / 255
    data = TensorDataset(torch.from_numpy(images)[:, None])
    clock = Clock()
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    trainer.fit(Plain(), DataLoader(data, batch_size=BATCH, shuffle=True))
    print()
    print(json.dumps(clock.seconds))
