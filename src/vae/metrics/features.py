"""The feature network of FID and KID: a small classifier of the run's own data, trained here."""

import contextlib
import pickle
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from vae import files


class FeatureNetwork(nn.Module):
    """Bytes to 64 features, the last layer before a classifier's logits, standardised.

    Each feature has mean 0 and variance 1 over the training images, so that distances between
    features have a scale.

    Arguments:
        event_shape: The shape (C, H, W) of an image.
        num_classes: The number of classes.
    """

    num_features = 64
    accuracy: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, event_shape: tuple[int, ...], num_classes: int):
        super().__init__()
        channels, height, width = event_shape
        self.body = nn.Sequential(
            nn.Conv2d(channels, 32, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(64 * -(-height // 4) * -(-width // 4), self.num_features),
            nn.SiLU(),
        )
        self.head = nn.Linear(self.num_features, num_classes)
        self.register_buffer("accuracy", torch.tensor(torch.nan))
        self.register_buffer("mean", torch.zeros(self.num_features))
        self.register_buffer("deviation", torch.ones(self.num_features))

    def forward(self, images: Tensor) -> Tensor:
        """The features, with shape (N, 64), for bytes with shape (N, C, H, W)."""
        features: Tensor = (self.body(images.float() / 255) - self.mean) / self.deviation
        return features

    def logits(self, images: Tensor) -> Tensor:
        """The classes' logits, with shape (N, num_classes), for bytes."""
        logits: Tensor = self.head(self.body(images.float() / 255))
        return logits


def feature_network(
    name: str,
    folder: Path,
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    classes: int | None = None,
) -> FeatureNetwork:
    """The feature network of a data set, trained once and kept in `folder`.

    It is trained for three passes over the training images, with seed 0, and knows its accuracy
    on the test images.

    Arguments:
        name: The data set's name and fingerprint.
        folder: Where networks are kept.
        train: Bytes with shape (N, C, H, W) and classes from 0 on with shape (N,).
        test: The same for the test.
        classes: The number of classes; None for as many as the training images show.
    """
    images, labels = train
    classes = int(labels.max()) + 1 if classes is None else classes
    path = folder / f"{name}.pt"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = FeatureNetwork(tuple(images.shape[1:]), classes)
        if not _load(network, path):
            with torch.inference_mode(False), torch.enable_grad():
                _train(network, images, labels.long())
            network.accuracy.fill_(_accuracy(network, *test))
            # a cache that cannot be written costs the time of training it again
            with contextlib.suppress(OSError, RuntimeError):
                files.write(path, partial(torch.save, network.state_dict()))
    return network.eval().requires_grad_(False)


def _load(network: FeatureNetwork, path: Path) -> bool:
    """Load a kept network; not if there is none, it is damaged, or of another version."""
    if not path.exists():
        return False
    try:
        network.load_state_dict(torch.load(path, weights_only=True))
    except (RuntimeError, pickle.UnpicklingError, EOFError, TypeError, AttributeError):
        return False
    return True


def _train(network: FeatureNetwork, images: Tensor, labels: Tensor, epochs: int = 3) -> None:
    size = 128
    total = epochs * (len(images) // size + 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    for _ in range(epochs):
        for some in torch.randperm(len(images)).split(size):
            logits = network.logits(images.index_select(0, some))
            loss = nn.functional.cross_entropy(logits, labels.index_select(0, some))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        features = torch.cat([network(x) for x in images.split(1000)])
        network.mean.copy_(features.mean(0))
        # a feature that never fires stays as it is
        network.deviation.copy_(torch.where((s := features.std(0)) > 1e-6, s, torch.ones_like(s)))


@torch.no_grad()
def _accuracy(network: FeatureNetwork, images: Tensor, labels: Tensor) -> float:
    right = sum(
        int((network.logits(x).argmax(1) == y).sum())
        for x, y in zip(images.split(1000), labels.split(1000), strict=True)
    )
    return right / len(images)
