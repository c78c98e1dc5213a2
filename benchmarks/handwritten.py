"""The training loops that people write by hand or copy, on MNIST; each prints its epochs' seconds.

    python benchmarks/handwritten.py memory mlp --epochs 3

`memory` keeps the images in a tensor, `loader` goes image by image through a DataLoader, as
pytorch/examples does (PIL image, tensor, collate). Adam at its defaults, float32, a mean of 128
images a step, each drawn anew from its grey values, and the loss read at every step.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from vae.data.sources.idx import read_idx
from vae.data.sources.mnist import FOLDER

BATCH = 128


class Net(nn.Module):
    """Encoder, reparameterisation, decoder."""

    def __init__(self, encoder: nn.Module, width: int, decoder: nn.Module, latent_dim: int):
        super().__init__()
        self.encoder = encoder
        self.loc = nn.Linear(width, latent_dim)
        self.log_variance = nn.Linear(width, latent_dim)
        self.decoder = decoder

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self.encoder(x)
        loc, log_variance = self.loc(h), self.log_variance(h)
        z = loc + torch.exp(0.5 * log_variance) * torch.randn_like(loc)
        return self.decoder(z), loc, log_variance


def mlp() -> nn.Module:
    """784-400-20."""
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU())
    decoder = nn.Sequential(
        nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784), nn.Unflatten(1, (1, 28, 28))
    )
    return Net(encoder, 400, decoder, 20)


def conv() -> nn.Module:
    """The network of model/encoder=conv and model/decoder=conv."""
    down = {"kernel_size": 3, "stride": 2, "padding": 1}
    encoder = nn.Sequential(
        nn.Conv2d(1, 32, **down),
        nn.SiLU(),
        nn.Conv2d(32, 64, **down),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(3136, 256),
        nn.SiLU(),
    )
    decoder = nn.Sequential(
        nn.Linear(32, 256),
        nn.SiLU(),
        nn.Linear(256, 3136),
        nn.SiLU(),
        nn.Unflatten(1, (64, 7, 7)),
        nn.ConvTranspose2d(64, 32, **down, output_padding=1),
        nn.SiLU(),
        nn.ConvTranspose2d(32, 1, **down, output_padding=1),
    )
    return Net(encoder, 256, decoder, 32)


class Residual(nn.Module):
    """x + f(x), as in model/encoder=resnet."""

    def __init__(self, channels: int):
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [nn.GroupNorm(1, channels), nn.SiLU()]
            layers += [nn.Conv2d(channels, channels, 3, padding=1)]
        self.f = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.f(x)


def resnet() -> nn.Module:
    """The network of model/encoder=resnet and model/decoder=resnet."""
    down = {"kernel_size": 3, "stride": 2, "padding": 1}
    encoder = nn.Sequential(
        nn.Conv2d(1, 32, **down),
        Residual(32),
        nn.Conv2d(32, 64, **down),
        Residual(64),
        nn.GroupNorm(1, 64),
        nn.SiLU(),
        nn.Flatten(),
    )
    decoder = nn.Sequential(
        nn.Linear(32, 3136),
        nn.Unflatten(1, (64, 7, 7)),
        Residual(64),
        nn.ConvTranspose2d(64, 32, **down, output_padding=1),
        Residual(32),
        nn.ConvTranspose2d(32, 32, **down, output_padding=1),
        nn.GroupNorm(1, 32),
        nn.SiLU(),
        nn.Conv2d(32, 1, 3, padding=1),
    )
    return Net(encoder, 3136, decoder, 32)


NETWORKS = {"mlp": mlp, "conv": conv, "resnet": resnet}


class Digits(Dataset[Tensor]):
    """MNIST as torchvision gives it: one PIL image at a time, made a tensor in [0, 1]."""

    def __init__(self, images: np.ndarray):
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        picture = Image.fromarray(self.images[index])
        values = torch.from_numpy(np.array(picture, np.uint8, copy=True)).view(28, 28, 1)
        return values.permute(2, 0, 1).contiguous().float().div(255)


def loader(kind: str, images: np.ndarray) -> Callable[[], Iterable[Tensor]]:
    """What makes an epoch's batches of grey values."""
    if kind == "loader":
        digits = DataLoader(Digits(images), batch_size=BATCH, shuffle=True)
        return lambda: digits
    values = torch.from_numpy(images.astype(np.float32) / 255)[:, None]
    return lambda: (values[some] for some in torch.randperm(len(values)).split(BATCH))


def train(kind: str, network: str, epochs: int, num_images: int) -> list[float]:
    """The seconds of each epoch."""
    torch.manual_seed(0)
    batches = loader(kind, read_idx(FOLDER / "train-images-idx3-ubyte.gz")[:num_images])
    model = NETWORKS[network]()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    seconds = []
    for _ in range(epochs):
        start, total = time.perf_counter(), 0.0
        for grey in batches():
            x = torch.bernoulli(grey)
            logits, loc, log_variance = model(x)
            cross = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
            kl = -0.5 * torch.sum(1 + log_variance - loc.pow(2) - log_variance.exp())
            loss = (cross + kl) / len(x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        seconds.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["memory", "loader"])
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--images", type=int, default=60_000)
    words = parser.parse_args()
    print(json.dumps(train(words.kind, words.network, words.epochs, words.images)))
